import { InvalidArgumentError, type PlanOptions, type PlanPushOptions, type RegistryClient } from '../index.js';
import type { PushFlags } from './flags.js';
import type { Io } from './io.js';
import { connect, targetOf } from './target.js';

/** @throws InvalidArgumentError for flags that say nothing with, or without, a name */
export function checkNaming(reference: string | undefined, { firstTag, allTags, image }: PushFlags): void {
  if (reference === undefined) {
    if (image !== undefined) throw new InvalidArgumentError('--image chooses what gets a name, but none was given');
    return;
  }
  if (firstTag) throw new InvalidArgumentError('--first-tag keeps an original tag, but a name was given too');
  if (allTags) throw new InvalidArgumentError('--all-tags keeps the original tags, but a name was given too');
}

/** The registry, and the name there; without one the tags in the archive are kept. */
export function whereTo(
  reference: string | undefined,
  flags: PushFlags,
  io: Io,
): { client: RegistryClient; name?: string } {
  return reference === undefined ? { client: connect(undefined, flags, io) } : targetOf(reference, flags, io);
}

/** Which tags of the archive are kept. */
export function whichTags({ firstTag }: PushFlags): 'first' | 'all' {
  return firstTag ? 'first' : 'all';
}

/** Which image gets the name. A number counts the images of the archive; everything else is a tag. */
export function imageOption({ image }: PushFlags): Pick<PlanPushOptions, 'image'> {
  if (image === undefined) return {};
  return { image: /^\d+$/.test(image) ? Number(image) : image };
}

/** All that decides what a push does. */
export function decidingOptions(flags: PushFlags): PlanOptions & Pick<PlanPushOptions, 'platform'> {
  const { compression, compressor, platform, mountFrom, layersFrom } = flags;
  return {
    compression,
    compressor,
    ...(platform === undefined ? {} : { platform }),
    ...(mountFrom === undefined ? {} : { mountFrom }),
    ...(layersFrom === undefined ? {} : { layersFrom }),
  };
}
