import type { Packing } from '../compression/sniff.js';
import { AuthenticationError, isUnanswered, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { readDiffIds } from '../oci/image-config.js';
import { type ImageManifest, isIndex, type RawManifest } from '../oci/manifest.js';
import { isUnknownPlatform } from '../oci/platform.js';
import type { BlobService } from '../services/blob-service.js';
import type { ManifestService } from '../services/manifest-service.js';
import type { RepositoryService } from '../services/repository-service.js';
import { readConfig } from './config-blob.js';

/** What is asked of a repository before a push. */
export interface SurveyJob {
  repository: string;
  /** The tags to be pushed, looked at first. */
  tags: readonly string[];
  /** That had some of the layers when they were pushed last: looked at before any other. */
  lastTags: readonly string[];
  /** Looked at next: `latest`, and those the caller names. */
  moreTags: readonly string[];
  /** Digests of the plain layers whose packed ones are sought. Absent: it is not known yet which. */
  wanted: ReadonlySet<string> | undefined;
  /** Digests of what is to be pushed besides. */
  named: ReadonlySet<string>;
  /** Our configs and their diff_ids: a manifest with one of them need not be asked for its own. */
  configs: ReadonlyMap<string, readonly string[]>;
  /** How the layers must be packed. */
  packing: Packing;
  /** Asks for a token that allows to push as well, so that the rest of the push needs no second one. */
  forPush: boolean;
  signal: AbortSignal;
}

/** What a repository certainly holds. */
export interface Survey {
  /** By diff_id. */
  layers: ReadonlyMap<string, Descriptor>;
  /** Digests of configs and layers that manifests of the repository name. */
  held: ReadonlySet<string>;
  /** Digest behind each tag that was looked at and is there. */
  tagged: ReadonlyMap<string, string>;
  /** Requests that the same survey may do without, and those it may need besides: which of several answers is first decides. */
  chance: Readonly<Chance>;
}

interface Chance {
  fewer: number;
  more: number;
}

export interface SurveyServices {
  blobs: BlobService;
  manifests: ManifestService;
  repositories: RepositoryService;
}

/** Tags to be pushed that are looked at: who pushes more has images in common behind them. */
const OWN_TAGS = 8;
/** Tags of the list that are looked at when those named by the caller do not tell. */
const MORE_TAGS = 3;
/** Tags among which those are chosen: one page of most registries. */
const LISTED = 100;
/** Images of one index that are looked at. */
const PLATFORMS = 4;
const MAX_CONFIG = 4 * 1024 * 1024;
/** Characters of a tag. */
const LONGEST_TAG = 128;
/** Milliseconds for what a push can do without: some lists are slow, and some blobs are where only few may go. */
const PATIENCE = 5000;

/**
 * Asks a repository what it holds of a push, so that only what changed is packed and sent: the manifests in it name packed
 * layers, and their configs what those are unpacked. It only saves work, so whatever the registry refuses is nothing known.
 */
export class RepositorySurvey implements Survey {
  readonly layers = new Map<string, Descriptor>();
  readonly held = new Set<string>();
  readonly tagged = new Map<string, string>();
  readonly chance: Chance = { fewer: 0, more: 0 };
  /** Of what is looked at now: images, and their configs that are read, or need not be any more. */
  private round = { images: 0, read: 0, spared: 0 };
  private readonly looked = new Set<string>();
  private isAnswered = false;
  private isRefused = false;

  constructor(
    private readonly services: SurveyServices,
    private readonly job: SurveyJob,
  ) {}

  /**
   * Asks for the tag that tells most, and nothing else at the same time: a registry that is out of reach, or does not let us
   * in, says so once, and accounts are locked after a few tries with a wrong password.
   * @throws RegistryError in both cases; the reason of the job's signal
   */
  begin(): Promise<void> {
    const { tags, lastTags } = this.job;
    return this.lookAt([...lastTags, ...tags].slice(0, 1));
  }

  /** All the rest. Whoever pushes the same again has the answer by then. @throws like `begin` */
  async finish(): Promise<void> {
    const { tags, lastTags, moreTags } = this.job;
    if (lastTags.length > 0 && this.looked.size > 0 && this.isDone) return;
    await this.lookAt([...tags.slice(0, OWN_TAGS), ...lastTags]);
    if (this.isDone) return;
    const [listed] = await Promise.all([this.listTags(), this.lookAt(moreTags)]);
    if (this.isDone) return;
    await this.lookAt(this.likeliest(listed));
  }

  private get isDone(): boolean {
    return this.isRefused || this.isComplete;
  }

  private get isComplete(): boolean {
    return this.hasLayers && [...this.job.named].every((digest) => this.held.has(digest));
  }

  private get hasLayers(): boolean {
    const { wanted } = this.job;
    return wanted !== undefined && [...wanted].every((diffId) => this.layers.has(diffId));
  }

  private async lookAt(tags: readonly string[]): Promise<void> {
    if (this.isRefused) return;
    const fresh = [...new Set(tags)].filter((tag) => !this.looked.has(tag));
    for (const tag of fresh) this.looked.add(tag);
    const round = (this.round = { images: 0, read: 0, spared: 0 });
    const isSettled = this.hasLayers;
    await Promise.all(fresh.map((tag) => this.attempt(() => this.lookAtTag(tag))));
    if (isSettled || !this.hasLayers || round.images < 2) return;
    this.chance.fewer += round.read;
    this.chance.more += round.spared;
  }

  private async lookAtTag(tag: string): Promise<void> {
    const raw = await this.fetch(tag);
    this.isAnswered = true;
    this.tagged.set(tag, raw.descriptor.digest);
    await this.readAny(raw);
  }

  private async listTags(): Promise<string[]> {
    const { repository, signal } = this.job;
    const listed: string[] = [];
    await this.attempt(async () => {
      const list = this.services.repositories.listTags(repository, { signal, pageSize: LISTED, timeout: PATIENCE });
      for await (const tag of list) if (listed.push(tag) >= LISTED) break;
    });
    return listed;
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.job.signal.throwIfAborted();
      if (!this.isAnswered && this.isFatal(error)) throw error;
      this.isAnswered = true;
      if (error instanceof AuthenticationError) this.isRefused = true;
    }
  }

  /** A push would fail likewise: nobody is there, or they do not know us. Who may push and not read is told so by 403. */
  private isFatal(error: unknown): boolean {
    const isStranger = error instanceof RegistryError && error.status === 401;
    return isUnanswered(error) || (isStranger && this.job.forPush);
  }

  private async readAny(raw: RawManifest): Promise<void> {
    const { manifest: root } = raw;
    if (!isIndex(root)) return this.readImage(root);
    const images = root.manifests.filter(({ platform }) => !isUnknownPlatform(platform)).slice(0, PLATFORMS);
    // An index may name platforms that nobody has pushed.
    await Promise.all(images.map(({ digest }) => this.attempt(() => this.readChild(digest))));
  }

  private async readChild(digest: string): Promise<void> {
    const { manifest } = await this.fetch(digest);
    if (!isIndex(manifest)) await this.readImage(manifest);
  }

  private async readImage({ config, layers }: ImageManifest): Promise<void> {
    for (const { digest } of [config, ...layers.filter(({ urls }) => !urls?.length)]) this.held.add(digest);
    this.round.images += 1;
    const diffIds = this.job.configs.get(config.digest) ?? (await this.diffIdsOf(config));
    if (diffIds.length !== layers.length) return;
    layers.forEach((layer, i) => {
      const diffId = diffIds[i] as string;
      const isWanted = this.job.wanted?.has(diffId) ?? true;
      const isOne = isWanted && packingOf(layer) === this.job.packing && !layer.urls?.length;
      if (isOne && !this.layers.has(diffId)) this.layers.set(diffId, layer);
    });
  }

  private async diffIdsOf(config: Descriptor): Promise<readonly string[]> {
    if (config.size > MAX_CONFIG) return [];
    this.round[this.hasLayers ? 'spared' : 'read'] += 1;
    if (this.hasLayers) return [];
    const { repository, signal } = this.job;
    const json = await readConfig(this.services.blobs, repository, config, { signal, timeout: PATIENCE });
    return readDiffIds(json) ?? [];
  }

  /** Those most like the tags to be pushed, the highest first: the version before is the likeliest to share layers. */
  private likeliest(listed: readonly string[]): string[] {
    const likeness = (tag: string): number => Math.max(...this.job.tags.map((pushed) => commonStart(tag, pushed)));
    const others = listed.filter((tag) => !this.looked.has(tag) && !ATTACHED.test(tag));
    return others.sort((a, b) => likeness(b) - likeness(a) || byNumbers(b, a)).slice(0, MORE_TAGS);
  }

  private fetch(reference: string): Promise<RawManifest> {
    const { repository, signal, forPush } = this.job;
    return this.services.manifests.fetch(repository, reference, { signal, forPush });
  }
}

/** Lists of referrers, signatures, SBOMs: where an image has them, they are many. Source: distribution-spec v1.1, "Referrers Tag Schema". */
const ATTACHED = /^sha(?:256|512)-[0-9a-f]{64}/;

/** 1.10 after 1.9. What Intl has for this takes 5 ms to begin. */
function byNumbers(a: string, b: string): number {
  const [one, other] = [sortable(a), sortable(b)];
  return Number(one > other) - Number(one < other);
}

function sortable(tag: string): string {
  return tag.replace(/\d+/g, (digits) => digits.padStart(LONGEST_TAG, '0'));
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The types of image layers end in `tar`, `tar.gzip`, `tar+gzip` or `tar+zstd`. */
function packingOf({ mediaType }: Descriptor): Packing | undefined {
  const found = /\.tar(?:[.+](gzip|zstd))?$/.exec(mediaType);
  return found ? ((found[1] ?? 'none') as Packing) : undefined;
}
