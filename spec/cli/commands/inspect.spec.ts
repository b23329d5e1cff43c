import { describe, expect, it } from '@jest/globals';
import { text } from '../../support/content.js';
import { Archives } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client inspect', () => {
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
    expect(out).toMatch(/^Label +org\.opencontainers\.image\.version=1\.2\.3$/m);
    expect(out.match(/plain {2}blobs\/sha256\/[0-9a-f]{12}$/gm)).toHaveLength(6);
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
});
