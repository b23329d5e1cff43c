import { beforeEach, describe, expect, it } from '@jest/globals';
import { collect, RegistryClient } from '../../../lib/index.js';
import { text } from '../../support/content.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client delete', () => {
  const registry = new Listening();
  const archives = new Archives();
  let repository: string;
  let digest: string;
  let client: RegistryClient;
  beforeEach(async () => {
    repository = `app-${Math.random().toString(36).slice(2)}`;
    client = new RegistryClient({ url: registry.url });
    ({ digest } = await client.push(await archives.write(), `${repository}:1`));
    await client.push(await archives.write({ layers: [text(10, 'other')] }), `${repository}:other`);
  });

  function deleteImage(...args: string[]) {
    return cli(['delete', ...args], { REGISTRY_URL: registry.url });
  }

  it.each([
    ['tag', () => `${repository}:1`],
    ['host and tag', () => `${registry.host}/${repository}:1`],
  ])('deletes the image behind a %s, and prints every name that is gone', async (_, name) => {
    expect(await deleteImage(name())).toEqual({
      code: 0,
      out: `${registry.host}/${repository}:1\n${registry.host}/${repository}@${digest}\n`,
      err: `deleting ${digest} with its tags 1\n`,
    });
    expect(await collect(client.listTags(repository))).toEqual(['other']);
  });

  it('deletes by digest what no tag points to, and says so', async () => {
    await client.deleteTag(repository, '1');
    expect(await deleteImage(`${repository}@${digest}`)).toEqual({
      code: 0,
      out: `${registry.host}/${repository}@${digest}\n`,
      err: `deleting ${digest}\n`,
    });
  });

  describe('when other tags share the image', () => {
    beforeEach(() => client.tag(repository, '1', '2'));

    it('refuses and names them', async () => {
      const { code, out, err } = await deleteImage(`${repository}:1`);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^error: .*would also remove the tags? 2\b.*the option force \(--force\)\.\n$/);
      expect(await collect(client.listTags(repository))).toEqual(['1', '2', 'other']);
    });

    it('deletes them all with --force, saying so before', async () => {
      const { code, out, err } = await deleteImage(`${repository}:1`, '--force');
      const names = [`${repository}:1`, `${repository}:2`, `${repository}@${digest}`];
      expect([code, out]).toEqual([0, names.map((name) => `${registry.host}/${name}\n`).join('')]);
      expect(err).toBe(`deleting ${digest} with its tags 1, 2\n`);
      expect(await collect(client.listTags(repository))).toEqual(['other']);
    });
  });

  it('prints JSON, and with --quiet nothing else', async () => {
    const { out, err } = await deleteImage(`${repository}:1`, '--json', '--quiet');
    expect([JSON.parse(out), err]).toEqual([{ digest, untagged: ['1'] }, '']);
  });

  it.each([
    [1, 'a tag that is absent', () => `${repository}:none`, /there is no .*:none to delete/],
    [2, 'neither tag nor digest', () => repository, /has no tag/],
    [2, 'a name that cannot be', () => 'UPPER:1', /is not a repository name/],
  ])('ends with %p for %s', async (expected, _, name, message) => {
    const { code, out, err } = await deleteImage(name());
    expect([code, out, err]).toEqual([expected, '', expect.stringMatching(message)]);
    expect(await collect(client.listTags(repository))).toEqual(['1', 'other']);
  });
});
