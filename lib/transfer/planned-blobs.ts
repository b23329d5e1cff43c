import type { Readable } from 'node:stream';
import { RegistryClientError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { arrive, mayExist, type WaysIn } from '../services/blob-arrival.js';
import type {
  BlobContent,
  BlobPushOptions,
  BlobService,
  PushedBlob,
  StreamedContent,
} from '../services/blob-service.js';
import { fitsSinglePost } from '../services/single-post.js';
import type { BlobOutlet } from './blob-pusher.js';
import type { RequestCount } from './request-count.js';

/** What would become of a blob. */
export interface BlobDecision {
  action: 'send' | 'mount' | 'skip' | 'known';
  /** Where it would be linked from. */
  from?: string | undefined;
  /** How its bytes would go, in requests that are not counted yet. */
  upload?: 'whole' | 'stream' | undefined;
}

export interface PlannedBlobsJob {
  /** Asks what the push would ask, too. */
  reading: Pick<BlobService, 'exists'>;
  /** Asks what a push would be told by a request that changes something. */
  aside: Pick<BlobService, 'exists'>;
  requests: RequestCount;
  signal: AbortSignal | undefined;
}

/** An upload that would begin. */
const UPLOAD = 'upload';

const OUTCOMES = { send: 'uploaded', mount: 'mounted', skip: 'exists', known: 'exists' } as const;

/**
 * Blobs that go nowhere: it asks for them like a push, and keeps what the push would do. That a registry which can link does so
 * is assumed; it is asked whether the blob is where it would be linked from.
 */
export class PlannedBlobs implements BlobOutlet {
  private readonly decisions = new Map<PushedBlob, BlobDecision>();
  /** Digests in the place of those that only packing can tell. */
  private readonly unknown = new Set<string>();
  /** By repository and digest: what the push would have put there. */
  private readonly stored = new Set<string>();

  constructor(private readonly job: PlannedBlobsJob) {}

  /** Blobs that nobody decided anything about are named by a manifest of their repository. */
  decisionOn(blob: PushedBlob): BlobDecision {
    return this.decisions.get(blob) ?? { action: 'known' };
  }

  isUnknown(digest: string): boolean {
    return this.unknown.has(digest);
  }

  async push(repository: string, { descriptor }: BlobContent, options: BlobPushOptions = {}): Promise<PushedBlob> {
    const { mountFrom, isNew = false } = options;
    const isSmall = fitsSinglePost(descriptor.size);
    const start = (): Promise<typeof UPLOAD> => this.begin();
    const ways = { ...this.ways(repository, descriptor, mountFrom), start };
    const outcome = await arrive(ways, { repository, mountFrom, isNew, isSmall });
    if (outcome === UPLOAD) return this.decide(repository, descriptor, { action: 'send', upload: 'whole' });
    if (outcome === 'mounted') return this.decide(repository, descriptor, { action: 'mount', from: mountFrom });
    return this.decide(repository, descriptor, { action: outcome === 'exists' ? 'skip' : 'send' });
  }

  async link(
    repository: string,
    descriptor: Descriptor,
    options: BlobPushOptions = {},
  ): Promise<PushedBlob | undefined> {
    const { mountFrom } = options;
    let isBegun = false;
    const ways = this.ways(repository, descriptor, mountFrom);
    const mount = async (from: string): Promise<typeof UPLOAD | undefined> => {
      const upload = await ways.mount(from);
      isBegun = upload !== undefined;
      return upload;
    };
    const job = { repository, mountFrom, isNew: false, isSmall: false };
    const outcome = await arrive({ ...ways, mount, start: () => Promise.resolve(UPLOAD) }, job);
    if (outcome === 'exists') return this.decide(repository, descriptor, { action: 'known' });
    if (outcome === 'mounted') return this.decide(repository, descriptor, { action: 'mount', from: mountFrom });
    // What was begun in place of a link is given back.
    if (isBegun) this.job.requests.add(1);
    return undefined;
  }

  async pushStream(repository: string, { mediaType }: StreamedContent): Promise<PushedBlob> {
    const digest = `unknown:${this.unknown.size}`;
    this.unknown.add(digest);
    await this.begin();
    return this.decide(repository, { mediaType, digest, size: 0 }, { action: 'send', upload: 'stream' });
  }

  fetch(): Promise<Readable> {
    throw new RegistryClientError('a plan reads no blob', { code: 'READ_ONLY' });
  }

  private ways(
    repository: string,
    { digest }: Descriptor,
    mountFrom: string | undefined,
  ): Pick<WaysIn<typeof UPLOAD>, 'isThere' | 'post' | 'mount'> {
    const { reading, requests, signal } = this.job;
    return {
      isThere: async () => {
        if (!this.unknown.has(digest)) return mayExist(reading, { repository, digest, mountFrom, signal });
        // The push will know by then what to ask for; what is not known now is most likely new.
        requests.add(1);
        return false;
      },
      post: () => {
        // Only the registry can tell whether that stores the blob, or only starts its upload.
        requests.add(1, 2);
        return Promise.resolve(undefined);
      },
      mount: async (from) => {
        requests.add(1);
        return (await this.isIn(from, digest)) ? undefined : UPLOAD;
      },
    };
  }

  private begin(): Promise<typeof UPLOAD> {
    this.job.requests.add(1);
    return Promise.resolve(UPLOAD);
  }

  /** Whether it will be in a repository when it is to be linked from there. */
  private async isIn(repository: string, digest: string): Promise<boolean> {
    if (this.stored.has(`${repository}@${digest}`)) return true;
    const { aside, signal } = this.job;
    try {
      return await aside.exists(repository, digest, { signal });
    } catch (error) {
      // Who may not read there may not link from there, and sends.
      if (error instanceof RegistryError && error.status !== undefined) return false;
      throw error;
    }
  }

  private decide(repository: string, descriptor: Descriptor, decision: BlobDecision): PushedBlob {
    const outcome = OUTCOMES[decision.action];
    const blob: PushedBlob = { descriptor, outcome, bytesSent: outcome === 'uploaded' ? descriptor.size : 0 };
    this.decisions.set(blob, decision);
    this.stored.add(`${repository}@${descriptor.digest}`);
    return blob;
  }
}
