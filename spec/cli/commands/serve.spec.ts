import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { run } from '../../../lib/cli/program.js';
import { TemporaryFolders } from '../../support/temporary-folder.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client serve', () => {
  const taken = new Listening();
  const archives = new Archives();
  const folders = new TemporaryFolders();
  afterAll(() => folders.remove());

  /** Serves while `work` runs. @returns what it wrote for people */
  async function serving(args: readonly string[], work: (url: string) => Promise<void>): Promise<string> {
    const io = new FakeIo();
    const ended = run(['serve', '--port', '0', ...args], io);
    try {
      await work(await printed(io));
    } finally {
      io.interrupt();
      expect([await ended, io.err.includes('error')]).toEqual([0, false]);
    }
    return io.err;
  }

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

  describe('with --dir', () => {
    it('keeps what is pushed for the next time', async () => {
      const dir = join(await folders.make(), 'images');
      const err = await serving(['--dir', dir], async (url) => {
        expect((await cli(['push', await archives.write(), 'team/app:1', '--registry', url])).code).toBe(0);
      });
      expect(err).toBe(`a registry in ${dir}; stop it with Ctrl+C\n`);
      await serving(['--dir', dir], async (url) => {
        expect((await cli(['tags', 'team/app', '--registry', url])).out).toBe('1\n');
      });
    });

    it('says when another one serves the folder', async () => {
      const dir = await folders.make();
      await serving(['--dir', dir], async () => {
        const { code, err } = await cli(['serve', '--port', '0', '--dir', dir]);
        expect([code, err]).toEqual([2, expect.stringMatching(/^error: process \d+ is using the folder/)]);
      });
    });

    it('says when the folder is no layout, and leaves it to others when it cannot listen', async () => {
      const { code, err } = await cli(['serve', '--port', '0', '--dir', 'spec']);
      expect([code, err]).toEqual([2, expect.stringMatching(/^error: .*no oci-layout.*empty folder/)]);
      const dir = await folders.make();
      expect((await cli(['serve', '--port', new URL(taken.url).port, '--dir', dir])).code).toBe(2);
      await serving(['--dir', dir], () => Promise.resolve());
    });
  });

  it('refuses changes with --read-only', async () => {
    await serving(['--read-only'], async (url) => {
      const { code, err } = await cli(['push', await archives.write(), 'team/app:1', '--registry', url]);
      expect([code, err]).toEqual([1, expect.stringContaining('read-only')]);
    });
  });

  describe('with --auth', () => {
    it('lets in who knows user and password', async () => {
      await serving(['--auth', 'ci:a:b'], async (url) => {
        const ask = async (headers: Record<string, string>) => (await fetch(`${url}/v2/`, { headers })).status;
        expect(await ask({})).toBe(401);
        expect(await ask({ authorization: `Basic ${btoa('ci:a')}` })).toBe(401);
        expect(await ask({ authorization: `Basic ${btoa('ci:a:b')}` })).toBe(200);
      });
    });

    it.each(['secret', ':secret', 'secret:'])('refuses "%s" without repeating it', async (auth) => {
      const { code, err } = await cli(['serve', '--port', '0', '--auth', auth]);
      expect([code, err]).toEqual([2, 'error: --auth takes a user and a password. Write --auth user:password.\n']);
    });
  });

  it('warns when other machines can reach it and it asks nobody who they are', async () => {
    const nothing = () => Promise.resolve();
    expect(await serving(['--host', '0.0.0.0'], nothing)).toContain('warning: other machines can reach this registry');
    expect(await serving(['--host', '0.0.0.0', '--auth', 'ci:secret'], nothing)).not.toContain('warning');
    expect(await serving(['--host', 'localhost'], nothing)).not.toContain('warning');
    expect(await serving(['--host', '::1'], nothing)).not.toContain('warning');
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
