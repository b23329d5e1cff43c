import { beforeAll, describe, expect, it } from '@jest/globals';
import { RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client resolve', () => {
  const registry = new Listening();
  const archives = new Archives();
  let digest: string;
  beforeAll(async () => {
    const tar = await archives.write({ tags: ['app:1', 'app:latest'] });
    const { out } = await cli(['push', tar, '--registry', registry.url, '-q']);
    digest = out.slice(out.indexOf('@') + 1, out.indexOf('\n'));
  });

  it.each([
    ['a tag', () => 'app:1'],
    ['no tag', () => 'app'],
    ['a host', () => `${registry.host}/app:1`],
    ['a digest', () => `app@${digest}`],
    ['a tag and a digest', () => `app:other@${digest}`],
  ])('prints the digest and nothing else, for %s', async (_, name) => {
    expect(await cli(['resolve', name()], { REGISTRY_URL: registry.url })).toEqual({
      code: 0,
      out: `${digest}\n`,
      err: '',
    });
  });

  it('prints the descriptor as JSON', async () => {
    const { code, out, err } = await cli(['resolve', `${registry.host}/app:1`, '--json']);
    const descriptor = await new RegistryClient({ url: registry.url }).resolve('app', '1');
    expect(descriptor).toMatchObject({ digest, mediaType: expect.any(String), size: expect.any(Number) });
    expect([code, JSON.parse(out), err]).toEqual([0, descriptor, '']);
  });

  it('prints the same when it is quiet', async () => {
    expect((await cli(['resolve', `${registry.host}/app:1`, '-q'])).out).toBe(`${digest}\n`);
  });

  it.each([
    ['app:none', 'app:none'],
    ['none', 'none:latest'],
    [`app@sha256:${'a'.repeat(64)}`, `app@sha256:${'a'.repeat(64)}`],
  ])('says that there is no %s', async (name, shown) => {
    expect(await cli(['resolve', name], { REGISTRY_URL: registry.url })).toEqual({
      code: 1,
      out: '',
      err: `error: there is no ${registry.host}/${shown}\n`,
    });
  });

  it('refuses a name that cannot be', async () => {
    expect((await cli(['resolve', 'UPPER'])).code).toBe(2);
  });
});
