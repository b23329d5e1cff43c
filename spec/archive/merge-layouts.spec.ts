import { describe, expect, it } from '@jest/globals';
import type { ArchiveImage, ArchiveLayer } from '../../lib/archive/archive-image.js';
import type { FoundImage } from '../../lib/archive/found-image.js';
import { mergeLayouts } from '../../lib/archive/merge-layouts.js';

/** An image whose manifests have these configs; it is `packed` when its layers are. */
function good(tags: string[], configs: string[], packing: ArchiveLayer['packing'] = 'none'): FoundImage {
  const layers = [{ entry: 'layer', packing }];
  const manifests = configs.map((digest) => ({ config: { digest }, layers }));
  const image = { tags, manifests, indexes: [], omitted: [] } as unknown as ArchiveImage;
  return { tags, image, problems: [], isIncomplete: true, layers: [] };
}

function broken(tags: string[], isIncomplete: boolean): FoundImage {
  const problems = [{ entry: tags.join(), message: isIncomplete ? 'is absent' : 'is bad' }];
  return { tags, problems, isIncomplete, layers: [] };
}

function summary(found: readonly FoundImage[]): unknown[] {
  return found.map(({ image, problems }) => image?.tags ?? problems[0]?.message);
}

describe('mergeLayouts', () => {
  it('takes each list as it is where there is only one', () => {
    const list = [good(['a:1'], ['A']), broken(['b:1'], true), good(['c:1'], ['C'], 'gzip')];
    expect(mergeLayouts(list, [])).toEqual(list);
    expect(summary(mergeLayouts([], list))).toEqual([['a:1'], ['c:1'], 'is absent']);
  });

  it('takes manifest.json for plain layers that both describe, as the classic store writes them', () => {
    const docker = { ...good(['a:1', 'a:2'], ['A']), hasSources: true };
    expect(mergeLayouts([docker], [good(['docker.io/library/a:1'], ['A'])])).toEqual([docker]);
  });

  it('takes the OCI image for plain layers that manifest.json does not explain, as a registry served it', () => {
    const oci = good(['docker.io/library/a:1'], ['A']);
    const merged = mergeLayouts([good(['a:1'], ['A'])], [oci]);
    expect(summary(merged)).toEqual([['a:1']]);
    expect(merged[0]?.image?.manifests).toBe(oci.image?.manifests);
  });

  it('takes the OCI image for packed layers however manifest.json explains them', () => {
    const oci = good(['a:1'], ['A'], 'gzip');
    const merged = mergeLayouts([{ ...good(['a:1'], ['A']), hasSources: true }], [oci]);
    expect(merged[0]?.image?.manifests).toBe(oci.image?.manifests);
  });

  it('takes manifest.json where Docker 25.0.0 wrote an OCI manifest without layers', () => {
    const docker = good(['a:1'], ['A']);
    expect(mergeLayouts([docker], [broken(['docker.io/library/a:1'], false)])).toEqual([docker]);
    expect(mergeLayouts([good([], ['A'])], [broken([], false)])).toHaveLength(1);
  });

  it('takes the OCI image as it was pulled, under the names the user knows', () => {
    const oci = good(['docker.io/library/a:1', 'docker.io/team/b:1', 'quay.io/c:1'], ['A', 'A2'], 'gzip');
    const merged = mergeLayouts([good(['a:1', 'team/b:1'], ['A'], 'gzip')], [oci]);
    expect(summary(merged)).toEqual([['a:1', 'team/b:1', 'quay.io/c:1']]);
    expect(merged[0]?.image?.manifests).toBe(oci.image?.manifests);
  });

  it('keeps the names of the OCI image where manifest.json has none', () => {
    expect(summary(mergeLayouts([good([], ['A'], 'gzip')], [good(['a:1'], ['A'], 'gzip')]))).toEqual([['a:1']]);
  });

  it('lets an OCI image stand in for a config of manifest.json that is absent (containerd#11980)', () => {
    const merged = mergeLayouts([broken(['a:1'], true)], [good(['docker.io/library/a:1'], ['B'], 'gzip')]);
    expect(summary(merged)).toEqual([['docker.io/library/a:1']]);
  });

  it('lets none stand in for what is worse than absent, or for another name', () => {
    const oci = [good(['docker.io/library/a:1'], ['B'], 'gzip')];
    expect(summary(mergeLayouts([broken(['a:1'], false)], oci))).toEqual([['docker.io/library/a:1'], 'is bad']);
    expect(summary(mergeLayouts([broken(['b:1'], true)], oci))).toEqual([['docker.io/library/a:1'], 'is absent']);
    expect(summary(mergeLayouts([broken([], true)], oci))).toEqual([['docker.io/library/a:1'], 'is absent']);
  });

  it('takes an OCI image that manifest.json does not know, packed or plain', () => {
    const docker = good(['a:1'], ['A']);
    for (const packing of ['gzip', 'none'] as const) {
      expect(summary(mergeLayouts([docker], [good(['b:1'], ['B'], packing)]))).toEqual([['b:1'], ['a:1']]);
    }
  });

  it('takes an image of manifest.json that the OCI list does not know', () => {
    const merged = mergeLayouts([good(['a:1'], ['A'], 'gzip'), good(['b:1'], ['B'])], [good(['a:1'], ['A'], 'gzip')]);
    expect(summary(merged)).toEqual([['a:1'], ['b:1']]);
  });

  it('takes the index where manifest.json has but one of its platforms', () => {
    const merged = mergeLayouts([good(['a:1'], ['A'])], [good(['a:1'], ['A', 'B'])]);
    expect(merged.map(({ image }) => image?.manifests.length)).toEqual([2]);
  });

  it('keeps both where they say different things of one name, so that a push finds the contradiction', () => {
    const merged = mergeLayouts([good(['a:1'], ['A'])], [good(['a:1'], ['B'], 'gzip')]);
    expect(summary(merged)).toEqual([['a:1'], ['a:1']]);
  });

  it('tells of a broken OCI image that manifest.json does not know', () => {
    expect(summary(mergeLayouts([good(['a:1'], ['A'])], [broken(['b:1'], true)]))).toEqual([['a:1'], 'is absent']);
  });

  it('does not tell twice of one that is broken in both', () => {
    expect(summary(mergeLayouts([broken(['a:1'], true)], [broken(['docker.io/library/a:1'], true)]))).toEqual([
      'is absent',
    ]);
  });
});
