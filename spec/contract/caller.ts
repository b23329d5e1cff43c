import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { digestOf } from '../../lib/oci/digest.js';
import type { RequestBody, Transport } from '../../lib/transport/transport.js';

/** An answer with its body read. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

export interface CallOptions {
  headers?: Record<string, string>;
  body?: string | Buffer | RequestBody;
  signal?: AbortSignal;
}

/** A manifest as it was pushed. */
export interface PushedManifest {
  digest: string;
  bytes: Buffer;
  mediaType: string;
  descriptor: { mediaType: string; digest: string; size: number };
}

/** Speaks to a registry through a transport, in raw requests and in the few steps every spec needs. */
export class Caller {
  constructor(
    private readonly transport: Transport,
    readonly url: URL = new URL('http://registry.test'),
  ) {}

  /** @param path - or a `Location`, relative or absolute */
  async call(method: string, path: string, { headers = {}, body, signal }: CallOptions = {}): Promise<Answer> {
    const response = await this.transport.send({
      method,
      url: new URL(path, this.url),
      headers,
      ...(body === undefined ? {} : { body: toRequestBody(body) }),
      ...(signal && { signal }),
    });
    return { status: response.status, headers: response.headers, body: await buffer(response.body) };
  }

  /** Opens an upload. @returns its location */
  async startUpload(repository: string): Promise<string> {
    const { status, headers } = await this.call('POST', `/v2/${repository}/blobs/uploads/`);
    if (status !== 202) throw new Error(`no upload but ${status}`);
    return headers.location ?? '';
  }

  /** @returns the digest */
  async pushBlob(repository: string, content: string | Buffer): Promise<string> {
    const digest = digestOf(content);
    const { status } = await this.call('PUT', withDigest(await this.startUpload(repository), digest), {
      body: content,
    });
    if (status !== 201) throw new Error(`no blob but ${status}`);
    return digest;
  }

  async putManifest(
    repository: string,
    reference: string,
    manifest: object,
    mediaType = (manifest as { mediaType?: string }).mediaType ?? OCI_MANIFEST,
  ): Promise<Answer> {
    const body = Buffer.from(JSON.stringify(manifest));
    return this.call('PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'content-type': mediaType },
      body,
    });
  }

  /** Pushes an image of a config and one layer, with its blobs. @param extra - further fields of the manifest */
  async pushImage(repository: string, reference: string, extra: object = {}, seed = 'image'): Promise<PushedManifest> {
    const config = `{"seed":"${seed}"}`;
    const layer = `layer of ${seed}`;
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, layer);
    return this.pushManifest(repository, reference, { ...imageOf(config, layer), ...extra });
  }

  async pushManifest(repository: string, reference: string, manifest: object): Promise<PushedManifest> {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const { mediaType } = manifest as { mediaType: string };
    const { status, body } = await this.putManifest(repository, reference, manifest);
    if (status !== 201) throw new Error(`no manifest but ${status}: ${body.toString()}`);
    const digest = digestOf(bytes);
    return { digest, bytes, mediaType, descriptor: { mediaType, digest, size: bytes.length } };
  }
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

export function imageOf(config: string, ...layers: readonly string[]) {
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorOf('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => descriptorOf('application/vnd.oci.image.layer.v1.tar', layer)),
  };
}

export function dockerImageOf(config: string, layer: string) {
  return {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: descriptorOf('application/vnd.docker.container.image.v1+json', config),
    layers: [descriptorOf('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)],
  };
}

export function indexOf(mediaType: string, ...children: readonly PushedManifest[]) {
  const platform = { os: 'linux', architecture: 'amd64' };
  return { schemaVersion: 2, mediaType, manifests: children.map(({ descriptor }) => ({ ...descriptor, platform })) };
}

export function descriptorOf(mediaType: string, content: string | Buffer) {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
}

/** The location with the digest added, as a client does: the rest of it is the registry's business. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

/** The JSON of an answer. */
export function jsonOf<T = Record<string, unknown>>(answer: Answer): T {
  return JSON.parse(answer.body.toString()) as T;
}

/** Status and first error code: `404 BLOB_UNKNOWN`. */
export function outcomeOf(answer: Answer): string {
  const { errors = [] } = jsonOf<{ errors?: { code: string }[] }>(answer);
  return `${answer.status} ${errors[0]?.code ?? 'without a code'}`;
}

/** A body of unknown size that comes in these pieces. */
export function streamed(...pieces: readonly string[]): RequestBody {
  return {
    open: () =>
      Readable.from(
        pieces.map((piece) => Buffer.from(piece)),
        { objectMode: false },
      ),
  };
}

function toRequestBody(body: string | Buffer | RequestBody): RequestBody {
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) return body;
  const bytes = Buffer.from(body);
  return { size: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}
