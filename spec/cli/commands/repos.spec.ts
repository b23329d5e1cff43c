import { beforeAll, describe, expect, it } from '@jest/globals';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client repos', () => {
  const registry = new Listening();
  const archives = new Archives();
  beforeAll(async () => {
    await cli(['push', await archives.write({ tags: ['team/app:1', 'app:1'] }), '--registry', registry.url]);
  });

  it.each([
    ['an address', (host: string) => [host]],
    ['an address with a scheme', (host: string) => [`http://${host}/v2/`]],
    ['--registry', (host: string) => ['--registry', host]],
  ])('prints one repository per line, for %s', async (_, args) => {
    expect(await cli(['repos', ...args(registry.host)])).toEqual({ code: 0, out: 'app\nteam/app\n', err: '' });
  });

  it('goes by the environment', async () => {
    expect((await cli(['repos'], { REGISTRY_URL: registry.url })).out).toBe('app\nteam/app\n');
  });

  it('prints JSON', async () => {
    expect((await cli(['repos', registry.host, '--json'])).out).toBe('["app","team/app"]\n');
  });

  it('prints the same when it is quiet', async () => {
    expect(await cli(['repos', registry.host, '--quiet'])).toEqual({ code: 0, out: 'app\nteam/app\n', err: '' });
  });

  it('refuses two registries', async () => {
    const { code, err } = await cli(['repos', registry.host, '--registry', 'localhost:1']);
    expect([code, err]).toEqual([2, expect.stringContaining('and so does --registry')]);
  });
});
