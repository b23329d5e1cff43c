import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { collect, RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client delete-tag', () => {
  const registry = new Listening();
  const other = new Listening();
  const archives = new Archives();
  let client: RegistryClient;
  beforeEach(async () => {
    client = new RegistryClient({ url: registry.url });
    await client.push(await archives.write(), 'app:1');
    for (const tag of ['2', '3']) await client.tag('app', '1', tag);
  });

  function deleteTag(...args: string[]) {
    return cli(['delete-tag', ...args], { REGISTRY_URL: registry.url });
  }

  it('removes one tag and nothing else, and prints its name', async () => {
    expect(await deleteTag('app:1')).toEqual({ code: 0, out: `${registry.host}/app:1\n`, err: '' });
    expect(await collect(client.listTags('app'))).toEqual(['2', '3']);
  });

  it('removes several, wherever they are', async () => {
    await new RegistryClient({ url: other.url }).push(await archives.write(), 'there:1');
    const { code, out } = await deleteTag('app:1', `${other.host}/there:1`, `http://${registry.host}/app:3`);
    expect([code, out]).toEqual([0, `${registry.host}/app:1\n${other.host}/there:1\n${registry.host}/app:3\n`]);
    expect(await collect(client.listTags('app'))).toEqual(['2']);
  });

  it('prints JSON', async () => {
    const { code, out, err } = await deleteTag('app:1', 'app:2', '--json');
    expect([code, JSON.parse(out), err]).toEqual([0, [`${registry.host}/app:1`, `${registry.host}/app:2`], '']);
  });

  it('prints the same when it is quiet', async () => {
    expect(await deleteTag('app:1', '-q')).toEqual({ code: 0, out: `${registry.host}/app:1\n`, err: '' });
  });

  it.each([
    ['--fallback', true],
    [undefined, false],
  ])('hands %p on', async (flag, fallback) => {
    const deleted = jest.spyOn(RegistryClient.prototype, 'deleteTag').mockResolvedValue();
    await deleteTag('app:1', ...(flag === undefined ? [] : [flag]));
    expect(deleted.mock.calls).toEqual([['app', '1', { fallback, signal: expect.any(AbortSignal) }]]);
    deleted.mockRestore();
  });

  it('stops at the first one that is absent, and has printed those that are gone', async () => {
    const { code, out, err } = await deleteTag('app:1', 'app:none', 'app:2');
    expect([code, out]).toEqual([1, `${registry.host}/app:1\n`]);
    expect(err).toContain('404');
    expect(await collect(client.listTags('app'))).toEqual(['2', '3']);
  });

  it.each([
    [['app:1', 'app:none', 'app:2'], ['app:1']],
    [['app:none', 'app:1'], []],
  ])('prints those of %p that are gone as JSON, too', async (names, gone) => {
    const { code, out, err } = await deleteTag(...names, '--json', '--quiet');
    expect([code, JSON.parse(out)]).toEqual([1, gone.map((name) => `${registry.host}/${name}`)]);
    expect(err).toMatch(/^error: .*none.*\n$/);
  });

  it.each([
    ['no tag', 'app', /has no tag/],
    ['a digest', `app@sha256:${'a'.repeat(64)}`, /names a digest where a tag is wanted/],
    ['a name that cannot be', 'UPPER:1', /is not a repository name/],
  ])('removes nothing when one of the names has %s', async (_, wrong, message) => {
    const { code, out, err } = await deleteTag('app:1', wrong);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(message)]);
    expect(await collect(client.listTags('app'))).toEqual(['1', '2', '3']);
  });
});
