import { describe, expect, it } from '@jest/globals';
import {
  extractOriginalTags,
  getPrimaryTag,
  getTarManifest,
  inspectDockerTar,
  validateDockerTar,
} from '../../lib/archive/docker-tar.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import { text } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { buildTar } from '../support/tar-builder.js';

const MULTI_TAG = 'spec/fixtures/docker-20.10-multi-tag.tar';
const UNTAGGED = 'spec/fixtures/docker-20.10-untagged.tar';
const OCI = 'spec/fixtures/skopeo-oci-archive.tar';
const NO_IMAGE = buildTar([{ name: 'readme', content: 'hello' }]);

describe('extractOriginalTags', () => {
  it('gives every tag as written', async () => {
    const tags = await extractOriginalTags(MULTI_TAG);
    expect(tags.length).toBeGreaterThan(1);
    expect(tags).toEqual((await getTarManifest(MULTI_TAG)).flatMap(({ RepoTags }) => RepoTags));
    expect(await extractOriginalTags(UNTAGGED)).toEqual([]);
  });

  it('fails for what is no image archive', async () => {
    await expect(extractOriginalTags(NO_IMAGE)).rejects.toBeInstanceOf(ValidationError);
    await expect(extractOriginalTags('nowhere.tar')).rejects.toBeInstanceOf(TarReadError);
  });
});

describe('getPrimaryTag', () => {
  it('takes the first tag apart, the port of its registry included', async () => {
    const { tar } = imageTar({ format: 'docker-24', tags: ['localhost:5000/team/app:1.2', 'app:latest'] });
    expect(await getPrimaryTag(tar)).toEqual({ registry: 'localhost:5000', repository: 'team/app', tag: '1.2' });
  });

  it('says that there is none', async () => {
    expect(await getPrimaryTag(UNTAGGED)).toBeUndefined();
  });
});

describe('validateDockerTar', () => {
  it('says whether an archive is whole', async () => {
    expect(await validateDockerTar(MULTI_TAG)).toBe(true);
    expect(await validateDockerTar(OCI)).toBe(true);
    expect(await validateDockerTar(NO_IMAGE)).toBe(false);
    expect(await validateDockerTar(Buffer.from('no tar at all'))).toBe(false);
    expect(await validateDockerTar(imageTar({ format: 'docker-24' }).tar.subarray(0, 2000))).toBe(false);
  });

  it('notices a layer whose content is not the one its config names', async () => {
    const { tar, entries } = imageTar({ format: 'docker-25', layers: [text(100, 'original')] });
    const [layer] = (await getTarManifest(tar))[0]!.Layers;
    const changed = entries.map((entry) => (entry.name === layer ? { ...entry, content: text(100, 'other') } : entry));
    expect(await validateDockerTar(buildTar(changed))).toBe(false);
  });

  it('does not take a file that is not there for a damaged one', async () => {
    await expect(validateDockerTar('nowhere.tar')).rejects.toThrow('there is no file nowhere.tar');
  });

  it('can be cancelled', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(validateDockerTar(MULTI_TAG, { signal })).rejects.toThrow('enough');
  });
});

describe('inspectDockerTar', () => {
  it('tells what every image is', async () => {
    const [image, ...others] = await inspectDockerTar(MULTI_TAG);
    expect(others).toEqual([]);
    expect(image).toMatchObject({ architecture: 'amd64', os: 'linux' });
    expect(image!.layers.length).toBeGreaterThan(0);
    expect(image!.size).toBe(image!.layers.reduce((sum, { size }) => sum + size, 0));
  });
});

describe('getTarManifest', () => {
  it('gives manifest.json as it is, and for an OCI layout what it would be', async () => {
    expect((await getTarManifest(MULTI_TAG))[0]).toMatchObject({ Config: expect.stringMatching(/\.json$/) });
    expect((await getTarManifest(OCI))[0]).toMatchObject({ Config: expect.stringMatching(/^blobs\/sha256\//) });
  });
});
