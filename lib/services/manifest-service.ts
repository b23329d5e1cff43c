import { inject, injectable } from 'inversify';
import { DigestMismatchError, NotFoundError, RegistryClientError, RegistryError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import { algorithmOf, digestOf, isDigest } from '../oci/digest.js';
import { MAX_MANIFEST_SIZE, parseManifest, type RawManifest } from '../oci/manifest.js';
import { bareMediaType, MANIFEST_MEDIA_TYPES } from '../oci/media-types.js';
import { nameIn } from '../oci/reference.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import type { Transport } from '../transport/transport.js';
import { deleteScope, pullScope, pushScope } from './endpoints.js';
import { Referrers, type ReferrersOptions } from './referrers.js';
import { type Call, type CallOptions, Requests } from './requests.js';
import { assertStored, type Head } from './response.js';

/** How a manifest is fetched, resolved or stored. */
export interface ManifestCallOptions extends CallOptions {
  /** Asks for a token that allows to push as well, so that the rest of a push needs no second one. Default `false`. */
  forPush?: boolean;
}

/** Twice what registries accept: some serve what they no longer take. */
const MAX_FETCH = 2 * MAX_MANIFEST_SIZE;

/** Without these types a registry may convert the manifest, and its digest with it. */
const ACCEPT = [...MANIFEST_MEDIA_TYPES, '*/*;q=0.1'].join(', ');

/**
 * Manifests and indexes of a registry. Source: distribution-spec v1.1,
 * [Pulling manifests](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests),
 * [Pushing Manifests](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests).
 */
@injectable()
export class ManifestService {
  private readonly requests: Requests;
  private readonly referrers: Referrers;

  /** A client makes one by itself: {@link RegistryClient}. `transport` is to follow redirects, sign requests and try again. */
  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options) options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.requests = new Requests(transport, options);
    this.referrers = new Referrers(this.requests, this);
  }

  /**
   * What a tag or digest stands for, without its content (HEAD).
   * @returns undefined when there is none
   * @throws DigestMismatchError when the registry has something else under the digest; RegistryError
   */
  async resolve(
    repository: string,
    reference: string,
    options: ManifestCallOptions = {},
  ): Promise<Descriptor | undefined> {
    try {
      const described = await this.describe(repository, reference, options);
      return described ?? (await this.fetch(repository, reference, options)).descriptor;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /**
   * A manifest with its exact bytes. Its digest is computed from them, and must be the one asked for, or for a tag the one
   * the registry names, if it does; other bytes are fetched once more.
   * @throws NotFoundError, DigestMismatchError, RegistryError
   */
  fetch(repository: string, reference: string, options: ManifestCallOptions = {}): Promise<RawManifest> {
    return onceMoreIfDamaged(() => this.fetchOnce(repository, reference, options));
  }

  /**
   * Stores a manifest under a tag or its own digest. Everything it names must be stored before, but for its `subject`, on
   * whose list of referrers it is put where the registry does not do that itself. When the registry stored something else, it is
   * sent once more, or the tag would stay wrong.
   * @throws DigestMismatchError when the registry stored something else; RegistryError
   */
  async push(
    repository: string,
    reference: string,
    raw: RawManifest,
    options: ManifestCallOptions = {},
  ): Promise<Descriptor> {
    const answer = await onceMoreIfDamaged(() => this.put(repository, reference, raw, options));
    if (!answer.headers['oci-subject']) await this.referrers.add(repository, raw, options);
    return raw.descriptor;
  }

  /**
   * Deletes what `reference` names. By digest this takes all its tags along; by tag only where the registry knows that.
   * @throws NotFoundError, UnsupportedError when the registry does not delete, RegistryError
   */
  async delete(repository: string, reference: string, options: ManifestCallOptions = {}): Promise<void> {
    await this.requests.metadata({
      ...this.requests.endpoints.manifest(repository, reference, deleteScope),
      method: 'DELETE',
      signal: options.signal,
      timeout: options.timeout,
      expected: [200, 202, 204],
      doing: `deleting the manifest ${nameIn(repository, reference)}`,
    });
  }

  /**
   * What names a manifest as its `subject`: signatures, SBOMs, attestations. A registry without an API for that is asked for
   * the list that clients keep under a tag. Source: distribution-spec v1.1,
   * [Listing Referrers](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers).
   * @param reference - a tag or a digest; a digest need not be there
   * @throws NotFoundError when there is no such tag; RegistryError. A manifest nobody refers to has none.
   */
  async *listReferrers(
    repository: string,
    reference: string,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const { signal, timeout } = options;
    const subject = isDigest(reference)
      ? reference
      : (await this.fetch(repository, reference, { signal, timeout })).descriptor.digest;
    yield* this.referrers.list(repository, subject, options);
  }

  /**
   * Takes a manifest that was deleted off the list of its subject, where clients keep that.
   * Source: distribution-spec v1.1,
   * [Deleting Manifests](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#deleting-manifests).
   * @throws RegistryError
   */
  unlistReferrer(repository: string, raw: RawManifest, options: CallOptions = {}): Promise<void> {
    return this.referrers.remove(repository, raw, options);
  }

  private async fetchOnce(repository: string, reference: string, options: ManifestCallOptions): Promise<RawManifest> {
    const doing = `fetching the manifest ${nameIn(repository, reference)}`;
    const answer = await this.requests.read(this.reading('GET', repository, reference, options), MAX_FETCH);
    const { bytes } = answer;
    // The digest of a signed one is that of what was signed, not of its bytes.
    if (isSchema1(answer)) throw schema1(answer, doing);
    if (isDigest(reference)) assertContent(bytes, reference, doing);
    else assertAsTold(answer, bytes, doing);
    const raw = parsed(bytes, answer, doing);
    return isDigest(reference) ? { ...raw, descriptor: { ...raw.descriptor, digest: reference } } : raw;
  }

  private async put(
    repository: string,
    reference: string,
    { bytes, descriptor }: RawManifest,
    { signal, timeout }: ManifestCallOptions,
  ): Promise<Head> {
    const doing = `pushing the manifest ${nameIn(repository, reference)}`;
    const answer = await this.requests.metadata({
      ...this.requests.endpoints.manifest(repository, reference, pushScope),
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: { size: bytes.length, open: () => streamOf(bytes) },
      signal,
      timeout,
      expected: [201],
      doing,
    });
    assertStored(answer, isDigest(reference) ? reference : descriptor.digest, doing);
    return answer;
  }

  /** What HEAD says; `undefined` when that is not enough, or it is refused, for which only GET has room for a reason. */
  private async describe(
    repository: string,
    reference: string,
    options: ManifestCallOptions,
  ): Promise<Descriptor | undefined> {
    const call = this.reading('HEAD', repository, reference, options);
    try {
      const described = describedBy(await this.requests.metadata(call), reference);
      if (!described || !isDigest(reference) || described.digest === reference) return described;
      throw mismatch(call.doing, reference, described.digest);
    } catch (error) {
      if (error instanceof RegistryError && (error.status === 403 || error.status === 405)) return undefined;
      throw error;
    }
  }

  private reading(method: string, repository: string, reference: string, options: ManifestCallOptions): Call {
    return {
      ...this.requests.endpoints.manifest(repository, reference, options.forPush ? pushScope : pullScope),
      method,
      headers: { accept: ACCEPT },
      signal: options.signal,
      timeout: options.timeout,
      expected: [200],
      doing: `fetching the manifest ${nameIn(repository, reference)}`,
    };
  }
}

/** Bytes can be damaged on their way, but not every time. */
async function onceMoreIfDamaged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isRefused = error instanceof RegistryError && error.code === 'DIGEST_INVALID';
    if (!isRefused && !(error instanceof DigestMismatchError)) throw error;
    return work();
  }
}

/** What the headers of an answer say, if they say all of it: some registries leave one or the other out. */
function describedBy({ headers }: Head, reference: string): Descriptor | undefined {
  const digest = headers['docker-content-digest'] ?? reference;
  const mediaType = bareMediaType(headers['content-type'] ?? '');
  const size = Number(headers['content-length'] || NaN);
  return isDigest(digest) && mediaType !== '' && Number.isSafeInteger(size) ? { mediaType, digest, size } : undefined;
}

function assertContent(bytes: Buffer, digest: string, doing: string): void {
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw mismatch(doing, digest, actual);
}

/** Source: distribution `docs/content/spec/manifest-v2-1.md`. */
function isSchema1({ headers }: Head): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+/.test(bareMediaType(headers['content-type'] ?? ''));
}

function schema1({ status }: Head, doing: string): RegistryError {
  return new RegistryError(`${doing}: it is of Docker schema 1, which is no longer supported`, {
    code: 'MANIFEST_INVALID',
    status,
    hint: 'Push the image again with a current docker, which writes schema 2.',
  });
}

/** Source: distribution-spec v1.1, "Pulling manifests": `Docker-Content-Digest` is the digest of the body. */
function assertAsTold({ headers }: Head, bytes: Buffer, doing: string): void {
  const told = headers['docker-content-digest'];
  if (isDigest(told)) assertContent(bytes, told, doing);
}

function mismatch(doing: string, expected: string, actual: string): DigestMismatchError {
  return new DigestMismatchError(`${doing}: expected ${expected}, but the registry has ${actual}`, {
    expected,
    actual,
  });
}

function parsed(bytes: Buffer, answer: Head, doing: string): RawManifest {
  try {
    return parseManifest(bytes, answer.headers['content-type']);
  } catch (error) {
    if (!(error instanceof RegistryClientError)) throw error;
    throw new RegistryError(`${doing}: ${error.message}`, { code: error.code, status: answer.status, cause: error });
  }
}
