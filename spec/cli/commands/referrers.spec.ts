import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Descriptor, RegistryClient } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';
import { pushReferrer } from '../referrer.js';

describe('registry-client referrers', () => {
  const registry = new Listening();
  const archives = new Archives();
  let digest: string;
  let sbom: Descriptor;
  let signature: Descriptor;
  beforeAll(async () => {
    const client = new RegistryClient({ url: registry.url });
    ({ digest } = await client.push(await archives.write(), 'app:1'));
    await client.push(await archives.write(), 'alone:1');
    const subject = { repository: 'app', tag: '1' };
    sbom = await pushReferrer(client, subject, {
      artifactType: 'application/spdx+json',
      created: '2024-02-03T04:05:06Z',
    });
    signature = await pushReferrer(client, subject, { artifactType: 'application/vnd.example.signature' });
  });

  function referrers(...args: string[]) {
    return cli(['referrers', ...args], { REGISTRY_URL: registry.url });
  }

  function sorted(out: string): string[] {
    return out.split('\n').filter(Boolean).sort();
  }

  it.each([
    ['a tag', () => 'app:1'],
    ['a digest', () => `app@${digest}`],
    ['a host', () => `${registry.host}/app:1`],
  ])('shows what refers to %s', async (_, name) => {
    const { code, out, err } = await referrers(name());
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^DIGEST +ARTIFACT TYPE +SIZE +CREATED\n/);
    expect(out).toMatch(
      new RegExp(`^${sbom.digest}  application/spdx\\+json +${sbom.size} B +2024-02-03T04:05:06Z$`, 'm'),
    );
    expect(out).toMatch(
      new RegExp(`^${signature.digest}  application/vnd.example.signature  ${signature.size} B$`, 'm'),
    );
  });

  it('prints digests only when it is quiet', async () => {
    const { out, err } = await referrers('app:1', '-q');
    expect([sorted(out), err]).toEqual([[sbom.digest, signature.digest].sort(), '']);
  });

  it('shows one type only when told to', async () => {
    expect((await referrers('app:1', '--artifact-type', 'application/spdx+json', '-q')).out).toBe(`${sbom.digest}\n`);
    expect((await referrers('app:1', '--artifact-type', 'none', '-q')).out).toBe('');
  });

  it('prints JSON', async () => {
    const { out } = await referrers('app:1', '--json');
    expect(JSON.parse(out)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ digest: sbom.digest, artifactType: 'application/spdx+json' }),
        expect.objectContaining({ digest: signature.digest }),
      ]),
    );
  });

  it('says that nothing refers to an image', async () => {
    expect(await referrers('alone:1')).toEqual({
      code: 0,
      out: '',
      err: `nothing refers to ${registry.host}/alone:1\n`,
    });
    expect(await referrers('alone:1', '--json', '-q')).toEqual({ code: 0, out: '[]\n', err: '' });
  });

  it('obeys no text of the registry', async () => {
    const hostile = {
      ...{ mediaType: '\u009b31m', digest, size: 1 },
      annotations: { 'org.opencontainers.image.created': '\u001b[2J\n' },
    };
    async function* list() {
      yield await Promise.resolve(hostile);
    }
    const listed = jest.spyOn(RegistryClient.prototype, 'listReferrers').mockImplementation(list);
    const outs = [(await referrers('app:1')).out, (await referrers('app:1', '--json')).out];
    listed.mockRestore();
    for (const out of outs) {
      expect(out).toContain('\\u009b31m');
      // eslint-disable-next-line no-control-regex -- these are what it is about
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  });

  it.each([
    [1, 'a tag that is absent', 'app:none', /none/],
    [2, 'a name that cannot be', 'UPPER', /is not a repository name/],
  ])('ends with %p for %s', async (expected, _, name, message) => {
    const { code, out, err } = await referrers(name);
    expect([code, out, err]).toEqual([expected, '', expect.stringMatching(message)]);
  });
});
