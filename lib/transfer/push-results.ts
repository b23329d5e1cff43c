import type { RawManifest } from '../oci/manifest.js';
import { formatReference } from '../oci/reference.js';
import type { PushedBlob } from '../services/blob-service.js';
import type { BlobPusher } from './blob-pusher.js';
import type { PushTarget } from './plan.js';

/** One tag that points to its image now. */
export interface PushedImage {
  /** `host[:port]/repository:tag`. */
  reference: string;
  /** For example `team/app`, without the registry. */
  repository: string;
  /** The last part of `reference`. */
  tag: string;
  /** Of the manifest or index behind the tag. */
  digest: string;
  /** Of the manifest or index behind the tag. */
  mediaType: string;
  /** Bytes of everything behind the tag, as stored in the registry. */
  size: number;
  /**
   * What became of its blobs: sent, linked from another repository, or there already. A blob shared by several results of
   * one repository is `skipped` in all but the first, so that sums are true.
   */
  blobs: {
    /** Sent. */
    uploaded: number;
    /** Linked from another repository of the registry. */
    mounted: number;
    /** There already. */
    skipped: number;
  };
  /** For this tag; 0 for what an earlier result accounts for. */
  bytesSent: number;
  /** What the archive lists but does not hold, and which was therefore not pushed, for example `linux/arm64 sha256:…`. */
  omitted: readonly string[];
}

/** A target with its manifests, ready to be sent. */
export interface BuiltImage {
  target: PushTarget;
  /** One per platform. */
  singles: readonly RawManifest[];
  /** Of the contents they name. */
  keys: ReadonlySet<string>;
  /** What gets the tag. */
  root: RawManifest;
}

/** What a push that has ended did for each of its targets. */
export function pushResults(images: readonly BuiltImage[], blobs: BlobPusher, registry: string): PushedImage[] {
  const counted = new Set<string>();
  return images.map((image) => {
    const { repository, tag, image: source } = image.target;
    const { digest, mediaType } = image.root.descriptor;
    const pushed = blobs.outcomes(image.keys, repository);
    const size = sizeOfManifests(image) + pushed.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    return {
      ...{ reference: formatReference({ registry, repository, tag }), repository, tag, digest, mediaType, size },
      ...account(pushed, repository, counted),
      omitted: source.omitted,
    };
  });
}

/** @param counted - blobs that an earlier result accounts for, by repository */
function account(
  pushed: readonly PushedBlob[],
  repository: string,
  counted: Set<string>,
): Pick<PushedImage, 'blobs' | 'bytesSent'> {
  const nameOf = ({ descriptor }: PushedBlob): string => `${repository}@${descriptor.digest}`;
  const fresh = pushed.filter((blob) => !counted.has(nameOf(blob)));
  for (const blob of fresh) counted.add(nameOf(blob));
  const count = (outcome: PushedBlob['outcome']): number => fresh.filter((blob) => blob.outcome === outcome).length;
  const [uploaded, mounted] = [count('uploaded'), count('mounted')];
  return {
    blobs: { uploaded, mounted, skipped: pushed.length - uploaded - mounted },
    bytesSent: fresh.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
  };
}

function sizeOfManifests({ target, singles }: BuiltImage): number {
  const manifests = [...singles, ...target.image.indexes].map(({ descriptor }) => descriptor);
  const sizes = new Map(manifests.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
