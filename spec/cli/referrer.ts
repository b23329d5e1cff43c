import { Readable } from 'node:stream';
import {
  type Descriptor,
  digestOf,
  encodeManifest,
  type ImageManifest,
  MediaType,
  type RegistryClient,
} from '../../lib/index.js';

/** Pushes an artifact without content that refers to the image behind `tag`. */
export async function pushReferrer(
  client: RegistryClient,
  { repository, tag }: { repository: string; tag: string },
  { artifactType, created }: { artifactType: string; created?: string },
): Promise<Descriptor> {
  const subject = (await client.resolve(repository, tag))!;
  const content = Buffer.from('{}');
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(content), size: content.length };
  await client.blobs.push(repository, { descriptor: config, open: () => Readable.from([content]) });
  const manifest: ImageManifest = {
    ...{ schemaVersion: 2, mediaType: MediaType.ociManifest, artifactType, config, layers: [], subject },
    ...(created === undefined ? {} : { annotations: { 'org.opencontainers.image.created': created } }),
  };
  return client.pushManifest(repository, encodeManifest(manifest).descriptor.digest, manifest);
}
