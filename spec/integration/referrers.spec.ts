import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  collect,
  type Descriptor,
  digestOf,
  encodeManifest,
  type ImageManifest,
  MediaType,
  NotFoundError,
  RegistryClient,
} from '../../lib/index.js';
import { EmbeddedTransport } from '../../lib/testing/index.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { readTags } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const APP = 'spec/fixtures/docker-20.10-multi-tag.tar';
const SPDX = 'application/spdx+json';
const SIGNATURE = 'application/vnd.example.signature';

/** distribution 2.8 has no API for referrers, the embedded registry has one. */
describe.each([
  ['by tag, in distribution 2.8', () => new RegistryClient({ url: integrationRegistry().url }), true],
  ['by API', () => new RegistryClient({ url: 'http://own.test', transport: new EmbeddedTransport() }), false],
])('referrers kept %s', (_, create, isTagged) => {
  let client: RegistryClient;
  beforeAll(() => {
    client = create();
  });
  afterAll(() => client.close());

  async function pushImage(): Promise<{ repository: string; subject: Descriptor }> {
    const { repository } = await client.push(APP, `${uniqueRepository('subject')}:v1`);
    return { repository, subject: (await client.resolve(repository, 'v1'))! };
  }

  /** Stores an artifact that refers to an image. */
  async function attach(repository: string, subject: Descriptor, artifactType: string): Promise<Descriptor> {
    const config = { mediaType: MediaType.ociEmpty, digest: digestOf('{}'), size: 2 };
    await client.blobs.push(repository, { descriptor: config, open: () => Readable.from([Buffer.from('{}')]) });
    const manifest: ImageManifest = {
      ...{ schemaVersion: 2, mediaType: MediaType.ociManifest, artifactType, config, layers: [config], subject },
      annotations: { 'org.opencontainers.image.title': artifactType },
    };
    const raw = encodeManifest(manifest);
    return client.pushManifest(repository, raw.descriptor.digest, manifest);
  }

  it('are listed with their types and annotations, by tag and by digest', async () => {
    const { repository, subject } = await pushImage();
    const sbom = await attach(repository, subject, SPDX);
    const signature = await attach(repository, subject, SIGNATURE);
    const expected = [
      { ...sbom, artifactType: SPDX, annotations: { 'org.opencontainers.image.title': SPDX } },
      { ...signature, artifactType: SIGNATURE, annotations: { 'org.opencontainers.image.title': SIGNATURE } },
    ];
    const listed = await collect(client.listReferrers(repository, 'v1'));
    expect(listed).toHaveLength(2);
    expect(listed).toEqual(expect.arrayContaining(expected));
    expect(await collect(client.listReferrers(repository, subject.digest))).toEqual(listed);
    const tag = subject.digest.replace(':', '-');
    expect(
      (await readTags({ url: integrationRegistry().url }, repository).catch((): string[] => [])).includes(tag),
    ).toBe(isTagged);
  });

  it('are listed by type', async () => {
    const { repository, subject } = await pushImage();
    await Promise.all([SPDX, SIGNATURE].map((type) => attach(repository, subject, type)));
    const signatures = await collect(client.listReferrers(repository, 'v1', { artifactType: SIGNATURE }));
    expect(signatures.map(({ artifactType }) => artifactType)).toEqual([SIGNATURE]);
  });

  it('are none for an image nobody refers to', async () => {
    const { repository } = await pushImage();
    expect(await collect(client.listReferrers(repository, 'v1'))).toEqual([]);
    await expect(collect(client.listReferrers(repository, 'v2'))).rejects.toBeInstanceOf(NotFoundError);
  });

  it('are no longer listed when they are deleted', async () => {
    const { repository, subject } = await pushImage();
    const sbom = await attach(repository, subject, SPDX);
    const signature = await attach(repository, subject, SIGNATURE);
    await client.deleteImageByDigest(repository, sbom.digest);
    const left = await collect(client.listReferrers(repository, 'v1'));
    expect(left.map(({ digest }) => digest)).toEqual([signature.digest]);
  });
});
