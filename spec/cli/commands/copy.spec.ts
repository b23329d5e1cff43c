import { beforeAll, describe, expect, it } from '@jest/globals';
import { RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client copy', () => {
  const registry = new Listening();
  const other = new Listening();
  const archives = new Archives();
  let digest: string;
  beforeAll(async () => {
    const tar = await archives.write({ tags: ['team/app:1', 'team/app:latest'] });
    const { out } = await cli(['push', tar, '--registry', registry.url, '-q']);
    digest = out.slice(out.indexOf('@') + 1, out.indexOf('\n'));
  });

  function copy(...args: string[]) {
    return cli(['copy', ...args], { REGISTRY_URL: registry.url });
  }

  it('links the blobs within one registry, and prints the copy', async () => {
    const { code, out, err } = await copy('team/app:1', 'linked/app:2');
    expect([code, out]).toEqual([0, `${registry.host}/linked/app:2@${digest}\n`]);
    expect(err).toMatch(/^copying 3 blobs, .*\n\[1\/3\] mounted sha256:[0-9a-f]{12} \(.*\n/);
    expect(err).toContain(`tagged ${registry.host}/linked/app:2\n`);
  });

  it.each([
    ['the source without a host', (host: string, there: string) => ['team/app:1', `${there}/a/app:1`]],
    ['the target without a host', (host: string) => [`${host}/team/app:1`, 'b/app:1']],
    ['schemes', (host: string, there: string) => [`http://${host}/team/app:1`, `http://${there}/c/app:1`]],
    ['a digest', (host: string, there: string) => [`team/app@${digest}`, `${there}/d/app:1`]],
  ])('copies from here to there, with %s', async (_, args) => {
    const { code, out } = await copy(...args(registry.host, other.host));
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^127.0.0.1:\\d+/[abcd]/app:1@${digest}\n$`))]);
    const [, host = '', repository = ''] = /^([^/]+)\/(.*):1@/.exec(out) ?? [];
    const client = new RegistryClient({ url: `http://${host}` });
    expect((await client.resolve(repository, '1'))?.digest).toBe(digest);
    await client.close();
  });

  it('sends the blobs into another registry', async () => {
    const { err } = await copy('team/app:1', `${other.host}/sent/app:1`);
    expect(err.match(/^\[\d\/3\] uploaded /gm)).toHaveLength(3);
  });

  it.each([
    ['the tag of the source', 'team/app:1', 'tagged/app', '1'],
    ['latest where there is none', 'team/app', 'tagged/app', 'latest'],
  ])('gives the copy %s', async (_, source, target, tag) => {
    expect((await copy(source, target)).out).toBe(`${registry.host}/${target}:${tag}@${digest}\n`);
  });

  it('goes by --registry for both names', async () => {
    const { code, out } = await cli(['copy', 'team/app:1', 'flag/app', '--registry', registry.url]);
    expect([code, out]).toEqual([0, `${registry.host}/flag/app:1@${digest}\n`]);
    for (const names of [
      ['team/app:1', `${other.host}/app`],
      [`${other.host}/app`, 'team/app:1'],
    ]) {
      const { code, err } = await cli(['copy', ...names, '--registry', registry.url]);
      expect([code, err]).toEqual([2, expect.stringContaining('and so does --registry')]);
    }
  });

  it('copies one platform of several', async () => {
    const tar = await archives.write({ format: 'oci-index', absentPlatforms: [] });
    await cli(['push', tar, 'multi:1', '--registry', registry.url]);
    const { out } = await copy('multi:1', 'arm:1', '--platform', 'linux/arm64', '--concurrency', '1');
    const { out: inspected } = await cli(['inspect', out.trim(), '--json']);
    expect(JSON.parse(inspected)).toMatchObject({ architecture: 'arm64', platforms: [{ architecture: 'arm64' }] });
    const absent = await copy('multi:1', 'arm:2', '--platform', 'linux/s390x');
    expect([absent.code, absent.err]).toEqual([1, expect.stringContaining('it has linux/amd64, linux/arm64/v8')]);
  });

  it('prints JSON, and with --quiet nothing else', async () => {
    const { out, err } = await copy('team/app:1', 'json/app', '--json', '--quiet');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({
      reference: `${registry.host}/json/app:1`,
      digest,
      blobs: { uploaded: 0, mounted: 3, skipped: 0 },
    });
  });

  it.each([
    [1, 'a source that is absent', ['team/app:none', 'a'], /404 Not Found/],
    [2, 'a source that cannot be', ['UPPER', 'a'], /is not a repository name/],
    [2, 'a target that cannot be', ['team/app:1', 'UPPER'], /is not a repository name/],
    [2, 'a target with a digest', ['team/app:1', `a@sha256:${'a'.repeat(64)}`], /names a digest where a tag/],
  ])('ends with %p for %s', async (expected, _, names, message) => {
    const { code, out, err } = await copy(...names);
    expect([code, out, err]).toEqual([expected, '', expect.stringMatching(message)]);
  });
});
