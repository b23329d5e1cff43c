import { NotFoundError, RegistryError } from '../errors.js';
import { type Descriptor, isJsonObject } from '../oci/descriptor.js';
import { algorithmOf, hexOf } from '../oci/digest.js';
import { encodeManifest, type ImageIndex, isIndex, parseManifest, type RawManifest } from '../oci/manifest.js';
import { bareMediaType, MediaType } from '../oci/media-types.js';
import type { ManifestService } from './manifest-service.js';
import { type Page, readPages } from './pages.js';
import type { CallOptions, Requests } from './requests.js';
import { parseJson } from './response.js';

/** Which referrers are listed. */
export interface ReferrersOptions extends CallOptions {
  /** Only referrers of this type, for example `application/spdx+json`. */
  artifactType?: string | undefined;
}

/**
 * Manifests that name another one as their `subject`: signatures, SBOMs, attestations. Registries without an API for them
 * keep the list under a tag that clients agree on. Source: distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema".
 */
export class Referrers {
  /** By repository and tag: changes of one list follow each other. */
  private readonly changes = new Map<string, Promise<unknown>>();

  constructor(
    private readonly requests: Requests,
    private readonly manifests: Pick<ManifestService, 'fetch' | 'push'>,
  ) {}

  /** @throws RegistryError; a manifest nobody refers to has none. */
  async *list(repository: string, subject: string, options: ReferrersOptions = {}): AsyncGenerator<Descriptor> {
    const { artifactType, signal, timeout } = options;
    // Registries need not filter, so the answers are filtered here in any case.
    for await (const referrer of this.all(repository, subject, artifactType, { signal, timeout })) {
      if (artifactType === undefined || referrer.artifactType === artifactType) yield referrer;
    }
  }

  /** Puts a manifest that was just pushed on the list of its subject. */
  async add(repository: string, raw: RawManifest, options: CallOptions): Promise<void> {
    await this.change(repository, raw, options, (known) => {
      const isListed = known.some(({ digest }) => digest === raw.descriptor.digest);
      return isListed ? undefined : [...known, describe(raw)];
    });
  }

  /** Takes a manifest that is being deleted off the list of its subject, where there is one. */
  async remove(repository: string, raw: RawManifest, options: CallOptions): Promise<void> {
    await this.change(repository, raw, options, (known) => {
      const others = known.filter(({ digest }) => digest !== raw.descriptor.digest);
      return others.length < known.length ? others : undefined;
    });
  }

  private async *all(
    repository: string,
    subject: string,
    artifactType: string | undefined,
    options: CallOptions,
  ): AsyncGenerator<Descriptor> {
    const doing = `listing the referrers of ${repository}@${subject}`;
    const query = artifactType === undefined ? {} : { artifactType };
    const endpoint = this.requests.endpoints.referrers(repository, subject, query);
    const pages = readPages(this.requests, endpoint, { accept: MediaType.ociIndex, doing, ...options });
    const first = await pages.next().catch((error: unknown) => {
      if (!isWithoutApi(error)) throw error;
    });
    if (!first || first.done || !isList(first.value)) {
      yield* (await this.tagged(repository, subject, options))?.manifests ?? [];
      return;
    }
    yield* referrersIn(first.value, doing);
    for await (const page of pages) yield* referrersIn(page, doing);
  }

  /** The list under the tag. @throws RegistryError when something else is there */
  private async tagged(repository: string, subject: string, options: CallOptions): Promise<ImageIndex | undefined> {
    const tag = tagFor(subject);
    try {
      const { manifest } = await this.manifests.fetch(repository, tag, options);
      if (isIndex(manifest)) return manifest;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
    throw new RegistryError(`the tag ${repository}:${tag} is kept for a list of referrers, but holds an image`, {
      code: 'REFERRERS_INVALID',
    });
  }

  /** @param edit - returns undefined to leave the list as it is */
  private change(
    repository: string,
    { manifest: { subject } }: RawManifest,
    options: CallOptions,
    edit: (known: readonly Descriptor[]) => readonly Descriptor[] | undefined,
  ): Promise<void> {
    if (!subject) return Promise.resolve();
    const name = `${repository}:${tagFor(subject.digest)}`;
    const change = async (): Promise<void> => {
      const list = await this.tagged(repository, subject.digest, options);
      const manifests = edit(list?.manifests ?? []);
      if (!manifests) return;
      const annotations = list?.annotations === undefined ? {} : { annotations: list.annotations };
      // Nothing else of it: a list with a subject would have to be put on another list.
      const changed = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, ...annotations } as const;
      await this.manifests.push(repository, tagFor(subject.digest), encodeManifest(changed), options);
    };
    const before = this.changes.get(name) ?? Promise.resolve();
    const changed = before.then(change, change);
    this.changes.set(name, changed);
    return changed.finally(() => {
      if (this.changes.get(name) === changed) this.changes.delete(name);
    });
  }
}

function tagFor(subject: string): string {
  return `${algorithmOf(subject).slice(0, 32)}-${hexOf(subject).slice(0, 64)}`;
}

/** What a list says of a referrer. Source: distribution-spec v1.1, "Listing Referrers". */
function describe({ descriptor, manifest }: RawManifest): Descriptor {
  const artifactType = manifest.artifactType ?? (isIndex(manifest) ? undefined : manifest.config.mediaType);
  return {
    ...descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}

/** The spec has 404; registries that take the path for something else say 400, 405 or 406 (go-containerregistry knows these, too). */
function isWithoutApi(error: unknown): boolean {
  return error instanceof RegistryError && [400, 404, 405, 406].includes(error.status ?? 0);
}

/** Some registries answer 200 with a web page to every path they do not know. */
function isList({ headers }: Page): boolean {
  return bareMediaType(headers['content-type'] ?? '') === MediaType.ociIndex;
}

/** As in lists of tags: Go writes null for none, and some registries put it among the elements. */
function withoutNulls(bytes: Buffer): Buffer {
  const json = parseJson(bytes);
  if (!isJsonObject(json) || json.manifests === undefined) return bytes;
  const listed: unknown = json.manifests ?? [];
  const isClean = !Array.isArray(listed) || (json.manifests !== null && !listed.includes(null));
  return isClean ? bytes : Buffer.from(JSON.stringify({ ...json, manifests: listed.filter((item) => item !== null) }));
}

function referrersIn({ bytes, status }: Page, doing: string): readonly Descriptor[] {
  try {
    const { manifest } = parseManifest(withoutNulls(bytes), MediaType.ociIndex);
    if (isIndex(manifest)) return manifest.manifests;
  } catch (cause) {
    throw new RegistryError(`${doing}: ${(cause as Error).message}`, { code: 'MANIFEST_INVALID', status, cause });
  }
  throw new RegistryError(`${doing}: the answer is no index`, { code: 'MANIFEST_INVALID', status });
}
