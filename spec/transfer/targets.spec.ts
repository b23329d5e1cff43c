import { describe, expect, it, jest } from '@jest/globals';
import type { ArchiveImage } from '../../lib/archive/archive-image.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import type { Platform } from '../../lib/oci/platform.js';
import {
  namedTarget,
  type NamedTargetOptions,
  originalTargets,
  type OriginalTargetOptions,
} from '../../lib/transfer/targets.js';
import { imageOf, indexOf, manifestOf, ociLayer, ociManifestOf, plainLayer } from './archive-model.js';

const REGISTRY = 'localhost:5000';

function imageWith(...tags: string[]): ArchiveImage {
  return imageOf([manifestOf([plainLayer(tags.join())])], { tags });
}

/** An index with an image for each platform and an attestation. */
function indexFor(platforms: readonly Platform[], ...tags: string[]): ArchiveImage {
  const unknown = { os: 'unknown', architecture: 'unknown' };
  const manifests = [...platforms, unknown].map((platform) => ociManifestOf([ociLayer('layer')], { platform }));
  return imageOf(manifests, {
    tags,
    indexes: [indexOf(manifests.map(({ raw }) => raw!))],
    omitted: ['linux/s390x sha256:…'],
  });
}

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

function named(images: readonly ArchiveImage[], reference: string, options: NamedTargetOptions = {}) {
  return namedTarget(reference, REGISTRY, options)(images);
}

function original(images: readonly ArchiveImage[], options: OriginalTargetOptions = {}, registry = REGISTRY) {
  return originalTargets(registry, options)(images);
}

function namesOf(targets: readonly { repository: string; tag: string }[]): string[] {
  return targets.map(({ repository, tag }) => `${repository}:${tag}`);
}

function failureOf(work: () => unknown): InvalidArgumentError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return error as InvalidArgumentError;
  }
  throw new Error('it did not fail');
}

describe('namedTarget', () => {
  const image = imageWith('saved/as:1');

  describe('the name', () => {
    it.each([
      ['app:1', 'app:1'],
      ['app', 'app:latest'],
      ['team/app:1.2', 'team/app:1.2'],
      ['localhost:5000/app:1', 'app:1'],
      ['LOCALHOST:5000/app:1', 'app:1'],
      ['localhost:5000/a/b/c', 'a/b/c:latest'],
    ])('%s is %s in this registry', (reference, name) => {
      const targets = named([image], reference);
      expect(namesOf(targets)).toEqual([name]);
      expect(targets[0]!.image).toBe(image);
    });

    it.each(['registry.example.com:443/app:1', 'registry.example.com:80/app:1', 'registry.example.com/app:1'])(
      '%s may have the port that the address of the client lost',
      (reference) => {
        expect(namesOf(namedTarget(reference, 'registry.example.com', {})([image]))).toEqual(['app:1']);
      },
    );

    it.each(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.io'])(
      '%s is one registry with docker.io',
      (host) => {
        expect(namesOf(namedTarget(`${host}/team/app:1`, 'docker.io', {})([image]))).toEqual(['team/app:1']);
      },
    );

    it.each([
      ['registry.example.com/app', 'is on registry.example.com, but this client speaks to localhost:5000'],
      ['localhost:5001/app', 'is on localhost:5001'],
      ['localhost:5000:443/app', 'is not a registry host'],
      ['localhost/app', 'is on localhost, but'],
      [`app@sha256:${'a'.repeat(64)}`, 'names a digest; a push needs a tag'],
      [`app:1@sha256:${'a'.repeat(64)}`, 'names a digest; a push needs a tag'],
      ['UPPER/app', 'UPPER'],
      ['app:ta g', 'is not a tag'],
      ['', 'is not a repository name'],
    ])('%s is refused before the archive is looked at', (reference, message) => {
      expect(failureOf(() => namedTarget(reference, REGISTRY, {})).message).toContain(message);
    });

    it('says how to name one in another registry', () => {
      const { hint } = failureOf(() => namedTarget('elsewhere.example.com/app', REGISTRY, {}));
      expect(hint).toBe('Leave the host out, or make a client for that registry.');
    });

    it.each([undefined, null, 1, {}])('%p is refused with words', (reference) => {
      const { code, message } = failureOf(() => namedTarget(reference as string, REGISTRY, {}));
      expect([code, message]).toEqual(['NAME_INVALID', expect.stringContaining('a name to push under is a text')]);
    });
  });

  describe('the choice of an image', () => {
    const images = [imageWith('app:1', 'localhost:5000/app:2'), imageWith(), imageWith('docker.io/library/hello:v1')];

    it('is not needed for an archive with one', () => {
      expect(named([image], 'new:1')[0]!.image).toBe(image);
    });

    it('is asked for when there are several, and told what there is', () => {
      const error = failureOf(() => named(images, 'new:1'));
      expect(error.code).toBe('IMAGE_AMBIGUOUS');
      expect(error.message).toContain(
        'holds 3 images, and one name was given ' +
          '(0: app:1, localhost:5000/app:2; 1: untagged; 2: docker.io/library/hello:v1)',
      );
      expect(error.hint).toContain('the option image (--image)');
    });

    it.each([
      [0, 0],
      [1, 1],
      [2, 2],
      ['app:1', 0],
      ['docker.io/app:1', 0],
      ['docker.io/library/app:1', 0],
      ['localhost:5000/app:2', 0],
      ['hello:v1', 2],
      ['library/hello:v1', 2],
    ] as const)('may be %p', (choice, found) => {
      expect(named(images, 'new:1', { image: choice })[0]!.image).toBe(images[found]);
    });

    it('takes a name without a tag for latest', () => {
      const latest = [imageWith('app:latest'), imageWith('other:1')];
      expect(named(latest, 'new:1', { image: 'app' })[0]!.image).toBe(latest[0]);
    });

    it.each([3, -1, 0.5, 'app', 'app:2', 'team/app:1', 'other.example.com/app:1'])(
      '%p that is not there is refused',
      (choice) => {
        const error = failureOf(() => named(images, 'new:1', { image: choice }));
        expect(error.code).toBe('IMAGE_UNKNOWN');
        expect(error.message).toContain(`the archive holds no image ${choice} (0: app:1`);
      },
    );

    it('is checked also where there is only one', () => {
      expect(failureOf(() => named([image], 'new:1', { image: 'other:1' })).code).toBe('IMAGE_UNKNOWN');
    });

    it('does not list thousands of names', () => {
      const many = Array.from({ length: 5000 }, (_, i) => imageWith(`app:${i}`));
      expect(failureOf(() => named(many, 'new:1')).message.length).toBeLessThan(1500);
    });
  });

  describe('the platform', () => {
    const index = indexFor([AMD64, ARM64]);

    it('is all of them unless one is chosen', () => {
      expect(named([index], 'new:1')[0]!.image).toBe(index);
    });

    it.each(['linux/arm64', 'linux/arm64/v8'])('%s takes one image out of the index', (platform) => {
      const picked = named([index], 'new:1', { platform })[0]!.image;
      expect(picked.manifests).toEqual([index.manifests[1]]);
      expect([picked.indexes, picked.omitted]).toEqual([[], []]);
    });

    it('may be chosen where there is no choice', () => {
      expect(named([image], 'new:1', { platform: 'linux/amd64' })[0]!.image.manifests).toEqual(image.manifests);
    });

    it('that is not there is refused, with those that are', () => {
      const error = failureOf(() => named([index], 'new:1', { platform: 'linux/s390x' }));
      expect(error.code).toBe('PLATFORM_UNKNOWN');
      expect(error.message).toBe('the archive has no image for linux/s390x, only for linux/amd64, linux/arm64/v8');
    });

    it('is refused where images name none', () => {
      const { platform: _platform, ...manifest } = manifestOf([plainLayer('artifact')]);
      const error = failureOf(() => named([imageOf([manifest])], 'new:1', { platform: 'linux/amd64' }));
      expect(error.message).toContain('only for no platform');
    });

    it('shows what a hostile index calls its platforms without obeying it', () => {
      const hostile = indexFor([{ os: 'linux\u001b[31m', architecture: 'amd64' }]);
      const error = failureOf(() => named([hostile], 'new:1', { platform: 'linux/amd64' }));
      expect(error.message).toContain('linux\\u001b[31m/amd64');
    });

    it('that is none is refused before the archive is looked at', () => {
      expect(failureOf(() => namedTarget('app:1', REGISTRY, { platform: 'amd64' })).code).toBe('PLATFORM_INVALID');
      expect(failureOf(() => originalTargets(REGISTRY, { platform: 'amd64' })).code).toBe('PLATFORM_INVALID');
    });
  });
});

describe('originalTargets', () => {
  it('gives every tag of every image, in the order of the archive, without its registry', () => {
    const images = [
      imageWith('app:1', 'registry.example.com:8443/team/app:prod', 'app:2'),
      imageWith('localhost:5000/hello:v1'),
    ];
    const targets = original(images);
    expect(namesOf(targets)).toEqual(['app:1', 'team/app:prod', 'app:2', 'hello:v1']);
    expect(targets.map(({ image }) => images.indexOf(image))).toEqual([0, 0, 0, 1]);
  });

  it.each([
    ['docker.io/library/app:1', REGISTRY, 'app:1'],
    ['docker.io/team/app:1', REGISTRY, 'team/app:1'],
    ['registry.example.com/library/app:1', REGISTRY, 'library/app:1'],
    ['library/app:1', REGISTRY, 'library/app:1'],
    ['docker.io/library/app:1', 'docker.io', 'library/app:1'],
  ])('%s becomes in %s %s', (tag, registry, name) => {
    expect(namesOf(original([imageWith(tag)], {}, registry))).toEqual([name]);
  });

  it('gives a tag once that an image has under several registries', () => {
    expect(namesOf(original([imageWith('a.example.com/app:1', 'b.example.com/app:1', 'app:1')]))).toEqual(['app:1']);
  });

  it('leaves out images without tags', () => {
    const images = [imageWith(), imageWith('app:1')];
    expect(original(images).map(({ image }) => image)).toEqual([images[1]]);
  });

  it.each([[[]], [[imageWith()]]])('asks for a name when there is no tag at all', (images) => {
    const error = failureOf(() => original(images));
    expect(error.code).toBe('NAME_REQUIRED');
    expect(error.message).toBe(
      'the archive names no tag, and no name was given. Give a name to push it under, for example team/app:1.0.',
    );
  });

  describe('with which: first', () => {
    it('gives the first tag of the first image that has one', () => {
      const images = [imageWith(), imageWith('app:1', 'app:2'), imageWith('other:1')];
      expect(original(images, { which: 'first' })).toEqual([{ image: images[1], repository: 'app', tag: '1' }]);
    });

    it('does not ask other images for the platform', () => {
      const images = [imageWith('app:1'), indexFor([ARM64], 'other:1')];
      expect(namesOf(original(images, { which: 'first', platform: 'linux/amd64' }))).toEqual(['app:1']);
    });
  });

  it('refuses any other which', () => {
    const error = failureOf(() => original([imageWith('app:1')], { which: 'last' as 'first' }));
    expect(error.message).toBe("the option which is \"last\". It takes 'all' or 'first'.");
  });

  describe('with rename', () => {
    it('asks for each tag as it was written', () => {
      const rename = jest.fn((tag: string) => `mirror/${tag.replace(/^.*\//, '')}`);
      const targets = original([imageWith('registry.example.com/team/app:1', 'app:2')], { rename });
      expect(namesOf(targets)).toEqual(['mirror/app:1', 'mirror/app:2']);
      expect(rename.mock.calls).toEqual([['registry.example.com/team/app:1'], ['app:2']]);
    });

    it.each([
      ['new', 'new:latest'],
      ['localhost:5000/new:1', 'new:1'],
    ])('understands %s', (name, expected) => {
      expect(namesOf(original([imageWith('app:1')], { rename: () => name }))).toEqual([expected]);
    });

    it.each([
      ['other.example.com/app:1', 'but this client speaks to'],
      ['NO NAME', 'NO NAME'],
      [undefined as unknown as string, 'is a text, not undefined'],
    ])('refuses %p', (name, message) => {
      expect(failureOf(() => original([imageWith('app:1')], { rename: () => name })).message).toContain(message);
    });

    it('may give several tags of one image the same name', () => {
      expect(namesOf(original([imageWith('app:1', 'app:2')], { rename: () => 'one:1' }))).toEqual(['one:1']);
    });
  });

  it('refuses to give two images one name', () => {
    const error = failureOf(() => original([imageWith('a.example.com/app:1'), imageWith('b.example.com/app:1')]));
    expect(error.code).toBe('NAME_TAKEN');
    expect(error.message).toBe(
      'two different images of the archive would both become app:1. ' +
        'Give them different names with the option rename, or push them one by one.',
    );
  });

  it('takes the platform out of every index, once for all tags of an image', () => {
    const targets = original([indexFor([AMD64, ARM64], 'app:1', 'app:2'), imageWith('plain:1')], {
      platform: 'linux/amd64',
    });
    expect(targets.map(({ image }) => [image.manifests.length, image.indexes.length])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(targets[0]!.image).toBe(targets[1]!.image);
  });
});
