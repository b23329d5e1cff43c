import { describe, expect, it } from '@jest/globals';
import { run } from '../../../lib/cli/program.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client serve', () => {
  const taken = new Listening();
  const archives = new Archives();

  async function printed(io: FakeIo): Promise<string> {
    while (!io.out.endsWith('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
    return io.out.trim();
  }

  it('is a registry in memory until it is interrupted', async () => {
    const io = new FakeIo();
    const serving = run(['serve', '--port', '0'], io);
    const url = await printed(io);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(io.err).toContain('what is pushed is gone when it stops');

    expect((await cli(['push', await archives.write(), 'team/app:1', '--registry', url])).code).toBe(0);
    expect((await cli(['repos', url])).out).toBe('team/app\n');

    io.interrupt();
    expect(await serving).toBe(0);
    expect((await fetch(url).catch(() => undefined))?.status).toBeUndefined();
  });

  it('stops at once when it was interrupted before it listened', async () => {
    const io = new FakeIo();
    io.interrupt();
    expect(await run(['serve', '--port', '0'], io)).toBe(0);
  });

  it('listens where it is told to', async () => {
    const io = new FakeIo();
    const serving = run(['serve', '--port', '0', '--host', 'localhost'], io);
    expect(await printed(io)).toMatch(/^http:\/\/localhost:\d+$/);
    io.interrupt();
    await serving;
  });

  it('says when its port is taken', async () => {
    const { port } = new URL(taken.url);
    expect(await cli(['serve', '--port', port])).toEqual({
      code: 2,
      out: '',
      err: `error: port ${port} of 127.0.0.1 is in use. Choose another address with --port and --host.\n`,
    });
  });

  it('says when an address is not ours to listen on', async () => {
    const { code, err } = await cli(['serve', '--port', '0', '--host', '192.0.2.1']);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: cannot listen: .*EADDRNOTAVAIL.*192\.0\.2\.1.* Choose another address/);
  });
});
