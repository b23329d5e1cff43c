import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { collect, RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client tag', () => {
  const registry = new Listening();
  const archives = new Archives();
  let digest: string;
  beforeAll(async () => {
    const { out } = await cli(['push', await archives.write(), 'team/app:1', '--registry', registry.url, '-q']);
    digest = out.slice(out.indexOf('@') + 1, -1);
  });

  function tag(...args: string[]) {
    return cli(['tag', ...args], { REGISTRY_URL: registry.url });
  }

  it.each([
    ['a tag', () => 'team/app:1', ['a', 'b']],
    ['a digest', () => `team/app@${digest}`, ['c']],
    ['a host', () => `${registry.host}/team/app:1`, ['d']],
  ])('gives what has %s more tags, and prints each', async (_, name, tags) => {
    const out = tags.map((one) => `${registry.host}/team/app:${one}@${digest}\n`).join('');
    expect(await tag(name(), ...tags)).toEqual({ code: 0, out, err: '' });
    const client = new RegistryClient({ url: registry.url });
    for (const one of tags) expect((await client.resolve('team/app', one))?.digest).toBe(digest);
  });

  it('gives all the same image, also when the tag moves meanwhile', async () => {
    const asked = jest.spyOn(RegistryClient.prototype, 'tag');
    await tag('team/app:1', 'e', 'f', 'g');
    expect(asked.mock.calls.map(([, reference, name]) => [reference, name])).toEqual([
      ['1', 'e'],
      [digest, 'f'],
      [digest, 'g'],
    ]);
    asked.mockRestore();
  });

  it('carries no half of a wrong command line out', async () => {
    for (const wrong of ['no tag', 'team/app:2', '']) {
      const { code, out, err } = await tag('team/app:1', 'unwanted', wrong);
      expect([code, out, err]).toEqual([2, '', expect.stringContaining('is not a tag')]);
    }
    expect(await collect(new RegistryClient({ url: registry.url }).listTags('team/app'))).not.toContain('unwanted');
  });

  it('says that there is no such image', async () => {
    const { code, out, err } = await tag('team/app:none', '2');
    expect([code, out, err]).toEqual([1, '', expect.stringContaining('404 Not Found')]);
  });
});
