import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { collect, RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { run } from '../../../lib/cli/program.js';
import { cli, FakeIo } from '../fake-io.js';

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

  it('prints each before the next one is given', async () => {
    const io = new FakeIo({ REGISTRY_URL: registry.url });
    const printed: number[] = [];
    const asked = jest.spyOn(RegistryClient.prototype, 'tag').mockImplementation(async () => {
      printed.push(io.out.split('\n').length - 1);
      return Promise.resolve({ digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 2 });
    });
    expect(await run(['tag', 'team/app:1', 'a', 'b', 'c'], io)).toBe(0);
    asked.mockRestore();
    expect(printed).toEqual([0, 1, 2]);
  });

  it('prints JSON', async () => {
    const { code, out, err } = await tag('team/app:1', 'h', 'i', '--json');
    const [h, i] = ['h', 'i'].map((one) => ({ reference: `${registry.host}/team/app:${one}`, digest }));
    expect([code, JSON.parse(out), err]).toEqual([0, [h, i], '']);
  });

  it('prints the same when it is quiet', async () => {
    const out = `${registry.host}/team/app:j@${digest}\n`;
    expect(await tag('team/app:1', 'j', '--quiet')).toEqual({ code: 0, out, err: '' });
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
