import { Readable } from 'node:stream';
import { inject, injectable } from 'inversify';
import { DigestMismatchError, NotFoundError, RegistryClientError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, digestOf, isDigest } from '../oci/digest.js';
import { MAX_MANIFEST_SIZE, parseManifest, type RawManifest } from '../oci/manifest.js';
import { bareMediaType, MANIFEST_MEDIA_TYPES } from '../oci/media-types.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import type { Transport, TransportResponse } from '../transport/transport.js';
import { deleteScope, pullScope, pushScope } from './endpoints.js';
import { discard, readBody } from './response.js';
import { Requests } from './requests.js';

export interface ManifestCallOptions {
  signal?: AbortSignal | undefined;
  /** Asks for a token that allows to push as well, so that the rest of a push needs no second one. Default `false`. */
  forPush?: boolean;
}

/** Twice what registries accept: some serve what they no longer take. */
const MAX_FETCH = 2 * MAX_MANIFEST_SIZE;

/** Without these types a registry may convert the manifest, and its digest with it. */
const ACCEPT = [...MANIFEST_MEDIA_TYPES, '*/*;q=0.1'].join(', ');

/** Manifests and indexes of a registry. Source: distribution-spec v1.1, "Pulling manifests", "Pushing Manifests". */
@injectable()
export class ManifestService {
  private readonly requests: Requests;

  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options) options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.requests = new Requests(transport, options);
  }

  /**
   * What a tag or digest stands for, without its content (HEAD).
   * @returns undefined when there is none
   * @throws RegistryError
   */
  async resolve(
    repository: string,
    reference: string,
    options: ManifestCallOptions = {},
  ): Promise<Descriptor | undefined> {
    const response = await this.ask('HEAD', repository, reference, options).catch(ignoreAbsence);
    if (!response) return undefined;
    discard(response);
    const digest = isDigest(reference) ? reference : response.headers['docker-content-digest'];
    // Some registries leave the header out: then only the bytes tell.
    if (!isDigest(digest)) return (await this.fetch(repository, reference, options)).descriptor;
    const mediaType = bareMediaType(response.headers['content-type'] ?? '');
    return { mediaType, digest, size: Number(response.headers['content-length'] ?? 0) };
  }

  /**
   * A manifest with its exact bytes. Its digest is computed from them, and must be the one asked for.
   * @throws NotFoundError, DigestMismatchError, RegistryError
   */
  async fetch(repository: string, reference: string, options: ManifestCallOptions = {}): Promise<RawManifest> {
    const doing = `fetching the manifest ${name(repository, reference)}`;
    const response = await this.ask('GET', repository, reference, options);
    const bytes = await readBody(response, MAX_FETCH, doing);
    if (isDigest(reference)) assertContent(bytes, reference, doing);
    const raw = parsed(bytes, response, doing);
    return isDigest(reference) ? { ...raw, descriptor: { ...raw.descriptor, digest: reference } } : raw;
  }

  /**
   * Stores a manifest under a tag or its own digest. Everything it names must be stored before.
   * @throws DigestMismatchError when the registry stored something else; RegistryError
   */
  async push(
    repository: string,
    reference: string,
    raw: RawManifest,
    options: ManifestCallOptions = {},
  ): Promise<Descriptor> {
    const doing = `pushing the manifest ${name(repository, reference)}`;
    const { bytes, descriptor } = raw;
    const response = await this.requests.metadata({
      ...this.requests.endpoints.manifest(repository, reference, pushScope),
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: { size: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) },
      signal: options.signal,
      expected: [201],
      doing,
    });
    discard(response);
    const stored = response.headers['docker-content-digest'];
    if (stored !== undefined && stored !== descriptor.digest) throw mismatch(doing, descriptor.digest, stored);
    return descriptor;
  }

  /**
   * Deletes what `reference` names. By digest this takes all its tags along; by tag only where the registry knows that.
   * @throws NotFoundError, UnsupportedError when the registry does not delete, RegistryError
   */
  async delete(repository: string, reference: string, options: ManifestCallOptions = {}): Promise<void> {
    const response = await this.requests.metadata({
      ...this.requests.endpoints.manifest(repository, reference, deleteScope),
      method: 'DELETE',
      signal: options.signal,
      expected: [200, 202, 204],
      doing: `deleting the manifest ${name(repository, reference)}`,
    });
    discard(response);
  }

  private ask(
    method: string,
    repository: string,
    reference: string,
    options: ManifestCallOptions,
  ): Promise<TransportResponse> {
    return this.requests.metadata({
      ...this.requests.endpoints.manifest(repository, reference, options.forPush ? pushScope : pullScope),
      method,
      headers: { accept: ACCEPT },
      signal: options.signal,
      expected: [200],
      doing: `fetching the manifest ${name(repository, reference)}`,
    });
  }
}

function name(repository: string, reference: string): string {
  return `${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
}

function ignoreAbsence(error: unknown): undefined {
  if (error instanceof NotFoundError) return undefined;
  throw error;
}

function assertContent(bytes: Buffer, digest: string, doing: string): void {
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw mismatch(doing, digest, actual);
}

function mismatch(doing: string, expected: string, actual: string): DigestMismatchError {
  return new DigestMismatchError(`${doing}: expected ${expected}, but the registry has ${actual}`, {
    expected,
    actual,
  });
}

function parsed(bytes: Buffer, response: TransportResponse, doing: string): RawManifest {
  try {
    return parseManifest(bytes, response.headers['content-type']);
  } catch (error) {
    if (!(error instanceof RegistryClientError)) throw error;
    throw new RegistryError(`${doing}: ${error.message}`, { code: error.code, status: response.status, cause: error });
  }
}
