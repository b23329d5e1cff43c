// Push with zstd where this Node can write it (22.15 and later), with gzip where it cannot.
import * as zlib from 'node:zlib';
import { isIndex, RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', repository = 'team/app', tag = '1.0'] = process.argv.slice(2);
await using client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

// Layers that are packed in the archive stay as they are; zstd makes OCI manifests, because Docker's have no name for it.
const compression = 'createZstdCompress' in zlib ? 'zstd' : 'gzip';
await client.push(tar, `${repository}:${tag}`, { compression });

const { manifest } = await client.getManifest(repository, tag);
if (!isIndex(manifest)) for (const { mediaType, size } of manifest.layers) console.log(`${mediaType}, ${size} bytes`);
