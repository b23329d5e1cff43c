import type { Writable } from 'node:stream';
import type { CopyOptions, PullOptions } from './client-options.js';
import { formatReference } from './oci/reference.js';
import type { CopyEnd, CopyJob } from './transfer/copy.js';
import type { PullJob } from './transfer/pull.js';
import { localReference } from './transfer/targets.js';

/** Who reads or writes at one end. */
export type End = Pick<CopyEnd, 'blobs' | 'manifests' | 'registry'>;

interface Surroundings {
  registry: string;
  concurrency: number;
}

/** A pull as its caller means it: by tag, by digest, or of `latest`. */
export function pullJob(
  source: string,
  target: string | Writable,
  options: PullOptions,
  { registry, concurrency }: Surroundings,
): PullJob {
  const { format = 'docker', platform, signal, onProgress = nothing } = options;
  const { repository, tag, digest } = localReference(source, registry);
  const name = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    ...{ registry, repository, target, format, platform, signal, onProgress },
    reference: digest ?? (name as string),
    name: name === undefined ? undefined : formatReference({ registry, repository, tag: name }),
    concurrency: options.concurrency ?? concurrency,
  };
}

/** A copy as its caller means it. */
export function copyJob(
  from: End & { name: string },
  into: End & { name: string },
  options: CopyOptions,
  { isSameRegistry, concurrency }: Pick<CopyJob, 'isSameRegistry' | 'concurrency'>,
): CopyJob {
  const { platform, signal, onProgress = nothing } = options;
  const source = localReference(from.name, from.registry);
  const target = localReference(into.name, into.registry);
  const tag = target.tag ?? source.tag ?? 'latest';
  return {
    source: { ...from, repository: source.repository, reference: source.digest ?? source.tag ?? 'latest' },
    target: { ...into, repository: target.repository, reference: tag },
    ...{ isSameRegistry, platform, signal, onProgress },
    concurrency: options.concurrency ?? concurrency,
  };
}

function nothing(): void {
  // Nobody wants to know.
}
