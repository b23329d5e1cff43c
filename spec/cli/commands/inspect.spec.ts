import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { type ImageInfo, RegistryClient } from '../../../lib/index.js';
import { text } from '../../support/content.js';
import { Archives, Listening } from '../archives.js';
import { run } from '../../../lib/cli/program.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client inspect <tar>', () => {
  const archives = new Archives();

  it('shows what an image is', async () => {
    const { code, out, err } = await cli(['inspect', 'spec/fixtures/docker-26-multi-tag.tar']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Tags +fixture\/app:1\.2\.3, fixture\/app:latest, /);
    expect(out).toMatch(/^Platform +linux\/amd64$/m);
    expect(out).toMatch(/^Created +\d{4}-\d\d-\d\dT/m);
    expect(out).toMatch(/^Size +[\d.]+ kB$/m);
    expect(out).toMatch(/^Config +sha256:f4d781bfd16a992c24bf51e117f020f109b47d78241b66747b2848687581c20d$/m);
    expect(out).toMatch(/^User +1000:1000$/m);
    expect(out).toMatch(/^Entrypoint +\/alpha$/m);
    expect(out).toMatch(/^Env +PATH=.*\n +GREETING=안녕 world$/m);
    expect(out).toMatch(
      /^Labels +org\.opencontainers\.image\.title=fixture app\n +org\.opencontainers\.image\.version=1\.2\.3$/m,
    );
    expect(out.match(/plain {2}blobs\/sha256\/[0-9a-f]{12}$/gm)).toHaveLength(6);
  });

  it('fits a terminal, and is whole elsewhere', async () => {
    const longest = (out: string) => Math.max(...out.split('\n').map((line) => line.length));
    const io = new FakeIo({}, { isTTY: true });
    Object.assign(io.stdoutStream, { columns: 60 });
    const args = ['inspect', 'spec/fixtures/docker-26-multi-tag.tar'];
    expect([await run(args, io), longest(io.out)]).toEqual([0, 60]);
    expect(longest((await cli(args)).out)).toBeGreaterThan(80);
  });

  it('shows images one after the other', async () => {
    const { out } = await cli(['inspect', await archives.write({ images: [{ tags: ['a:1'] }, { tags: null }] })]);
    expect(out.match(/^Tags.*$/gm)).toEqual(['Tags      a:1', 'Tags      none']);
    expect(out).toContain('\n\nTags      none');
  });

  it('says how layers are packed and how large they are', async () => {
    const tar = await archives.write({ format: 'nix', layers: [text(5_000, 'base'), text(2_500_000, 'own')] });
    const { out } = await cli(['inspect', tar]);
    expect(out).toMatch(
      /^Layers +[\d.]+ k?B {2}gzip {2}[0-9a-f]{12}\.tar\.gz\n +2\.5 MB {2}plain {2}[0-9a-f]{12}\/layer\.tar$/m,
    );
  });

  it('prints JSON', async () => {
    const { code, out } = await cli(['inspect', await archives.write({ tags: ['a:1'] }), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([expect.objectContaining({ tags: ['a:1'], os: 'linux', architecture: 'amd64' })]);
  });

  it('prints the same when it is quiet', async () => {
    const args = ['inspect', await archives.write({ tags: ['a:1'] })];
    const loud = await cli(args);
    expect(loud.out).not.toBe('');
    expect(await cli([...args, '-q'])).toEqual({ ...loud, err: '' });
  });

  it('lets no text of the archive steer the terminal', async () => {
    const config = { config: { Labels: { 'evil\u001b]0;title\u0007': '\u009b31m' }, Cmd: ['\u202ehs'] } };
    const tar = await archives.write({ config });
    for (const args of [[], ['--json']]) {
      const { out } = await cli(['inspect', tar, ...args]);
      // eslint-disable-next-line no-control-regex -- these are what it is about
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(out).toContain('evil\\u001b]0;title\\u0007');
    }
  });

  it('refuses what is no image archive', async () => {
    const { code, out, err } = await cli(['inspect', await archives.write({ missingLayer: 0 })]);
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain('is not in the archive');
  });

  it.each(['nowhere.tar', 'nowhere.tgz', 'nowhere.tar.gz', './nowhere', '../nowhere', '/nowhere'])(
    'takes %s for a file, though there is none',
    async (path) => {
      const { code, err } = await cli(['inspect', path]);
      expect([code, err]).toEqual([3, expect.stringContaining(`there is no file ${path}`)]);
    },
  );

  it('has no platforms to choose from', async () => {
    const { code, err } = await cli(['inspect', await archives.write(), '--platform', 'linux/amd64']);
    expect([code, err]).toEqual([2, expect.stringContaining('is an archive')]);
  });
});

describe('registry-client inspect <reference>', () => {
  const registry = new Listening();
  let client: RegistryClient;
  let digest: string;
  beforeAll(async () => {
    client = new RegistryClient({ url: registry.url });
    ({ digest } = await client.push('spec/fixtures/docker-26-multi-tag.tar', 'team/app:1'));
    await client.push('spec/fixtures/skopeo-oci-archive-multi-platform.tar', 'team/multi:1');
  });

  function inspect(...args: string[]) {
    return cli(['inspect', ...args], { REGISTRY_URL: registry.url });
  }

  it.each([
    ['a tag', () => 'team/app:1', ':1'],
    ['a host', () => `${registry.host}/team/app:1`, ':1'],
    ['a scheme', () => `http://${registry.host}/team/app:1`, ':1'],
    ['a digest', () => `team/app@${digest}`, ''],
  ])('shows what an image with %s is', async (_, name, tag) => {
    const { code, out, err } = await inspect(name());
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Name        ${registry.host}/team/app${tag}\nDigest      ${digest}\n`);
    expect(out).toMatch(/^Type +application\/vnd\.docker\.distribution\.manifest\.v2\+json\nPlatform +linux\/amd64$/m);
    expect(out).toMatch(/^Created +\d{4}-\d\d-\d\dT/m);
    expect(out).toMatch(/^Entrypoint +\/alpha\nCommand +--help\nEnv +PATH=/m);
    expect(out.match(/gzip {2}sha256:[0-9a-f]{12}$/gm)).toHaveLength(6);
  });

  it('shows every platform of an index, and the first one in full', async () => {
    const { out } = await inspect('team/multi:1');
    expect(out).toMatch(
      /^Type +application\/vnd\.oci\.image\.index\.v1\+json\nPlatforms +linux\/amd64 +47\.4 kB {2}sha256:c323f762\w+\n +linux\/arm64\/v8 {2}47\.4 kB {2}sha256:09c9d616\w+\n\nDigest +sha256:c323f762\w+\nPlatform +linux\/amd64\n/m,
    );
    expect(out).not.toContain('Attestations');
  });

  it('shows the platform it is told to', async () => {
    const { out } = await inspect('team/multi:1', '--platform', 'linux/arm64');
    expect(out).toMatch(/\n\nDigest +sha256:09c9d616\w+\nPlatform +linux\/arm64\/v8\n/);
    const { code, err } = await inspect('team/multi:1', '--platform', 'linux/s390x');
    expect([code, err]).toEqual([1, expect.stringContaining('it has linux/amd64, linux/arm64/v8')]);
  });

  it('prints JSON', async () => {
    const { out } = await inspect('team/multi:1', '--json');
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(await client.getImageInfo('team/multi', '1'))));
  });

  it('prints the same when it is quiet', async () => {
    const loud = await inspect('team/multi:1');
    expect(loud.code).toBe(0);
    expect(await inspect('team/multi:1', '--quiet')).toEqual({ ...loud, err: '' });
  });

  describe('of a registry that says anything', () => {
    async function shown(change: (info: ImageInfo) => Partial<ImageInfo>, ...flags: string[]): Promise<string> {
      const info = await client.getImageInfo('team/multi', '1');
      const told = jest.spyOn(RegistryClient.prototype, 'getImageInfo').mockResolvedValue({ ...info, ...change(info) });
      const { out } = await inspect('team/multi:1', ...flags);
      told.mockRestore();
      return out;
    }

    it('counts attestations', async () => {
      expect(await shown(({ config }) => ({ attestations: [config, config] }))).toMatch(/^Attestations +2$/m);
    });

    it.each([
      ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
      ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
      ['application/vnd.docker.image.rootfs.diff.tar', 'plain'],
      ['application/vnd.oci.image.layer.v1.tar', 'plain'],
      ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
      ['application/vnd.cncf.helm.chart.content.v1.other', 'application/vnd.cncf.helm.chart.content.v1.other'],
    ])('says of a layer of type %s that it is %s', async (mediaType, packing) => {
      const change = ({ platforms: [first], config }: ImageInfo) => ({
        platforms: [{ ...first!, layers: [{ ...config, mediaType }] }],
      });
      expect(await shown(change)).toMatch(
        new RegExp(`^Layers +2\\.6 kB {2}${packing.replaceAll('.', '\\.')} {2}sha256:`, 'm'),
      );
    });

    it.each([[[]], [['--json']]])('lets no text of it steer the terminal, with %p', async (flags) => {
      const evil = '\u001b]0;title\u0007\u009b\u202e\n';
      const out = await shown(
        ({ platforms }) => ({
          mediaType: evil,
          platforms: platforms.map((image) => ({
            ...image,
            ...{ os: evil, user: evil, created: evil, env: [evil], labels: { [evil]: evil }, cmd: [evil] },
            layers: [{ ...image.config, mediaType: evil }],
          })),
        }),
        ...flags,
      );
      expect(out).toContain('\\u001b]0;title');
      // eslint-disable-next-line no-control-regex -- these are what it is about
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    });
  });

  it('looks at a file of that name, unless a registry is named', async () => {
    const file = `inspected-${process.pid}`;
    await writeFile(file, 'no tar');
    try {
      expect(await inspect(file)).toMatchObject({ code: 3, err: expect.stringContaining('is not a tar') });
      for (const args of [[file, '--registry', registry.url], [`http://${registry.host}/${file}`]]) {
        expect(await inspect(...args)).toMatchObject({ code: 1, err: expect.stringContaining('404 Not Found') });
      }
    } finally {
      await rm(file);
    }
  });

  it('takes no folder for an archive', async () => {
    expect(await inspect('spec')).toMatchObject({ code: 1, err: expect.stringContaining('404 Not Found') });
  });

  it.each([
    [1, 'a tag that is absent', 'team/app:none', /404 Not Found/],
    [2, 'a name that cannot be', 'UPPER', /is not a repository name/],
  ])('ends with %p for %s', async (expected, _, name, message) => {
    const { code, out, err } = await inspect(name);
    expect([code, out, err]).toEqual([expected, '', expect.stringMatching(message)]);
  });
});
