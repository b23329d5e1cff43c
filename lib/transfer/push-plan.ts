import { isIndex, type RawManifest } from '../oci/manifest.js';
import { formatReference } from '../oci/reference.js';
import { printable } from '../redact.js';
import type { PushedBlob } from '../services/blob-service.js';
import type { Transport } from '../transport/transport.js';
import type { Content } from './layer-content.js';
import { type BlobDecision, PlannedBlobs } from './planned-blobs.js';
import { PlannedManifests } from './planned-manifests.js';
import { Push, type PushDone, type PushJob } from './push.js';
import type { BuiltImage } from './push-results.js';
import { ReadingCache } from './reading-cache.js';
import { ReadingTransport } from './reading-transport.js';
import type { SurveyServices } from './repository-survey.js';
import { countStream, countWhole, RequestCount } from './request-count.js';

/** What a push would do to one blob in one repository. */
export interface PushPlanBlob {
  /**
   * `send`: its bytes go to the registry; `mount`: the registry links it from another repository, and is sent it where it cannot;
   * `skip`: the registry was asked for it, and has it; `known`: a manifest of the repository names it, or an earlier push
   * remembered what it is once packed, so that it is not even read.
   */
  action: 'send' | 'mount' | 'skip' | 'known';
  /** The one it would be in afterwards. */
  repository: string;
  /** Name of the entry in the archive. */
  entry: string;
  /** Bytes in the archive. */
  size: number;
  /** Of the blob in the registry; absent for a layer that is packed while it is sent, whose digest only packing tells. */
  digest?: string;
  /**
   * Bytes of the blob in the registry. Without a digest an estimate: the unpacked bytes, of which packing makes less, or where
   * they are dense already a thousandth more.
   */
  bytes: number;
  /** The repository that a `mount` links from. */
  from?: string;
}

/** What a push would do to one tag. */
export interface PushPlanTag {
  /** `keep`: it points to this image already, and no request is made for it. */
  action: 'set' | 'keep';
  /** `host[:port]/repository:tag`. */
  reference: string;
  /** For example `team/app`, without the registry. */
  repository: string;
  /** The last part of `reference`. */
  tag: string;
  /** Of the manifest or index it would point to; absent while the digest of a layer is. */
  digest?: string;
  /** Of the manifest or index it would point to. */
  mediaType: string;
  /** What it points to now; absent where it is not there, or a push would not look. */
  before?: string;
  /** What the archive lists but does not hold, and which would not be pushed, for example `linux/arm64 sha256:…`. */
  omitted: readonly string[];
}

/** What a push would do, if it began now. */
export interface PushPlan {
  /** `host[:port]`. */
  registry: string;
  /** Each once for every repository, in the order of the archive. */
  blobs: readonly PushPlanBlob[];
  /** In the order of the archive. */
  tags: readonly PushPlanTag[];
  /** How many blobs there are of each kind. */
  counts: Readonly<Record<PushPlanBlob['action'], number>>;
  /** Bytes of the blobs to be sent. Manifests, a few kB each, are not counted. */
  bytes: number;
  /** False when `bytes` counts layers unpacked that would be packed on the way: then it is about what is sent at most. */
  isExact: boolean;
  /**
   * Requests that the push would make, those that ask included; without redirects, tries again and requests for tokens. The
   * registry decides what lies between the two bounds: whether it stores a small blob with one request, and which of several
   * answers comes first.
   */
  requests: {
    /** When the registry answers everything in the shortest way. */
    atLeast: number;
    /** When it does not. */
    atMost: number;
  };
  /** What the push would warn of, and what keeps the plan from being certain. */
  warnings: readonly string[];
}

/** What planning needs besides that which a push does. */
export interface PlanTools {
  transport: Transport;
  /** Base of the registry, ends with `/`. */
  url: URL;
  /** Bytes of a chunk; absent: whole blobs. */
  chunkSize?: number | undefined;
  /** Services that speak through a transport. */
  servicesOver: (transport: Transport) => SurveyServices;
}

/**
 * Decides all that a push decides, in the same way, and sends nothing but HEAD and GET.
 * @param job - its `onProgress` hears what the push would warn of
 * @throws what the push would before it sends anything
 */
export async function planImages(tools: PlanTools, job: PushJob): Promise<PushPlan> {
  const { transport, url, servicesOver, chunkSize } = tools;
  const { registry, signal, cache } = job;
  const asking = new ReadingTransport(transport, url);
  const reading = servicesOver(asking);
  const aside = servicesOver(new ReadingTransport(transport, url)).blobs;
  const requests = new RequestCount();
  const blobs = new PlannedBlobs({ reading: reading.blobs, aside, requests, signal });
  const manifests = new PlannedManifests(requests);
  const planning: PushJob = { ...job, cache: cache && new ReadingCache(cache), verifies: false };
  const done = await new Push(reading, planning, { blobs, manifests }).run();
  const found = blobsOf(done, blobs);
  for (const { decision, content, pushed } of found) {
    if (decision.upload === 'whole') countWhole(requests, pushed.descriptor.size, chunkSize);
    if (decision.upload === 'stream') countStream(requests, content.size, chunkSize);
  }
  const { fewer = 0, more = 0 } = done.known?.chance ?? {};
  requests.add(asking.count - fewer, asking.count + more);
  return {
    ...{ registry, ...summaryOf(found.map((one) => planOf(one, blobs))) },
    tags: done.images.map((image) => tagOf(image, registry, { done, blobs, manifests })),
    requests: { atLeast: requests.atLeast, atMost: requests.atMost },
    warnings: [...asking.refused].map(unreadable),
  };
}

/** A content of the archive, and what a repository would have of it. */
interface FoundBlob {
  repository: string;
  content: Content;
  pushed: PushedBlob;
  decision: BlobDecision;
}

/** Contents that turn out to be one blob are one. */
function blobsOf({ work, blobs }: PushDone, planned: PlannedBlobs): FoundBlob[] {
  const found = new Map<string, FoundBlob>();
  for (const { content, repositories } of work.blobs) {
    for (const repository of repositories) {
      const [pushed] = blobs.outcomes([content.key], repository) as [PushedBlob];
      const name = `${repository}@${pushed.descriptor.digest}`;
      if (!found.has(name)) found.set(name, { repository, content, pushed, decision: planned.decisionOn(pushed) });
    }
  }
  return [...found.values()];
}

function planOf({ repository, content, pushed, decision }: FoundBlob, planned: PlannedBlobs): PushPlanBlob {
  const { entry, size } = content;
  const { descriptor } = pushed;
  const { action, from } = decision;
  const isKnown = !planned.isUnknown(descriptor.digest);
  return {
    ...{ action, repository, entry, size },
    ...(isKnown ? { digest: descriptor.digest, bytes: descriptor.size } : { bytes: size }),
    ...(from === undefined ? {} : { from }),
  };
}

function summaryOf(blobs: readonly PushPlanBlob[]): Pick<PushPlan, 'blobs' | 'counts' | 'bytes' | 'isExact'> {
  const counts = { send: 0, mount: 0, skip: 0, known: 0 };
  for (const { action } of blobs) counts[action] += 1;
  const sent = blobs.filter(({ action }) => action === 'send');
  const bytes = sent.reduce((sum, blob) => sum + blob.bytes, 0);
  return { blobs, counts, bytes, isExact: sent.every(({ digest }) => digest !== undefined) };
}

interface Planned {
  done: PushDone;
  blobs: PlannedBlobs;
  manifests: PlannedManifests;
}

function tagOf({ target, root }: BuiltImage, registry: string, { done, blobs, manifests }: Planned): PushPlanTag {
  const { repository, tag, image } = target;
  const { digest, mediaType } = root.descriptor;
  const before = done.known?.tagged(target);
  return {
    action: manifests.has(repository, tag) ? 'set' : 'keep',
    ...{ reference: formatReference({ registry, repository, tag }), repository, tag },
    ...(isCertain(root, blobs) ? { digest } : {}),
    mediaType,
    ...(before === undefined ? {} : { before }),
    omitted: image.omitted,
  };
}

/** Whether the manifest will be what it is now. Those of an index come with the archive as they are. */
function isCertain({ manifest }: RawManifest, blobs: PlannedBlobs): boolean {
  return isIndex(manifest) || !manifest.layers.some(({ digest }) => blobs.isUnknown(digest));
}

function unreadable(repository: string): string {
  const what = `the registry does not let us look into ${printable(repository, 300)}`;
  return `${what}: planned as if it were empty, and a push may be refused`;
}
