import type { ArchiveImage } from '../archive/archive-image.js';
import { InvalidArgumentError } from '../errors.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, platformMatches } from '../oci/platform.js';
import { formatReference, parseReference, parseRepositoryTag, type Reference } from '../oci/reference.js';
import { printable } from '../redact.js';
import type { PushTarget } from './plan.js';

export interface NamedTargetOptions {
  /** Which image of an archive with several: one of its original tags, or its place counted from 0. */
  image?: string | number;
  /** Only this platform of an archive with several, for example `linux/arm64`. */
  platform?: string;
}

export interface OriginalTargetOptions {
  /** `all` tags of all images, or only the `first`. Default `all`. */
  which?: 'all' | 'first';
  /** Gives an original tag another name: gets `registry.example.com/team/app:1`, returns `repository[:tag]`. Default: the registry is left out, with the `library/` of Docker Hub. */
  rename?: (originalTag: string) => string;
  /** Only this platform of images with several. */
  platform?: string;
}

/** Finds what goes where, once the archive is open. */
export type ChooseTargets = (images: readonly ArchiveImage[]) => PushTarget[];

/**
 * One image under the name the user gives.
 * @param registry - `host[:port]` of this client, the only one a name may carry
 * @throws InvalidArgumentError when the name or the platform is none; when choosing, if the archive has several images and
 * none is chosen, or does not have the chosen one
 */
export function namedTarget(reference: string, registry: string, options: NamedTargetOptions): ChooseTargets {
  const name = targetName(reference, registry);
  const pick = pickPlatform(options.platform);
  return (images) => [{ image: pick(chooseImage(images, options.image)), ...name }];
}

/**
 * Every image under the tags it was saved with, in the order of the archive.
 * @throws InvalidArgumentError when the platform is none; when choosing, if there are no tags, or two different images
 * would get the same one
 */
export function originalTargets(registry: string, options: OriginalTargetOptions): ChooseTargets {
  const { which = 'all', rename = (tag: string) => withoutRegistry(tag, registry) } = options;
  if (which !== 'all' && which !== 'first') {
    throw new InvalidArgumentError(`the option which is "${String(which)}"`, { hint: "It takes 'all' or 'first'." });
  }
  const pick = pickPlatform(options.platform);
  return (images) => {
    const tagged = images.filter(({ tags }) => tags.length > 0);
    if (tagged.length === 0) throw noTags();
    const chosen = which === 'first' ? tagged.slice(0, 1) : tagged;
    const targets = chosen.flatMap((original) => {
      const image = pick(original);
      const tags = which === 'first' ? image.tags.slice(0, 1) : image.tags;
      return tags.map((tag) => ({ image, ...targetName(rename(tag), registry) }));
    });
    return withoutRepetition(targets);
  };
}

/**
 * Saved under `registry.example.com/team/app:1`, pushed as `team/app:1`. Official images of Docker Hub are `app` to
 * everybody, and `docker save` writes them so; containerd and BuildKit write `docker.io/library/app`.
 */
function withoutRegistry(originalTag: string, target: string): string {
  const { registry, repository, tag } = parseRepositoryTag(originalTag);
  const isOfficial = registry === 'docker.io' && target !== 'docker.io';
  return `${isOfficial ? repository.replace(/^library\//, '') : repository}:${tag}`;
}

/** Tags of one image that become equal without their registries are one target. */
function withoutRepetition(targets: readonly PushTarget[]): PushTarget[] {
  const taken = new Map<string, PushTarget>();
  for (const target of targets) {
    const name = `${target.repository}:${target.tag}`;
    const other = taken.get(name);
    if (other && other.image !== target.image) throw sameName(name);
    taken.set(name, target);
  }
  return [...taken.values()];
}

/**
 * Where an image goes.
 * @throws InvalidArgumentError when it is no name, names another registry, or a digest
 */
export function targetName(reference: string, registry: string): Pick<PushTarget, 'repository' | 'tag'> {
  if (typeof reference !== 'string') {
    throw new InvalidArgumentError(`a name to push under is a text, not ${typeof reference}`, { code: 'NAME_INVALID' });
  }
  const { repository, tag = 'latest', digest } = localReference(reference, registry);
  if (digest === undefined) return { repository, tag };
  throw new InvalidArgumentError(`"${printable(reference, 300)}" names a digest; a push needs a tag`, {
    code: 'TAG_INVALID',
  });
}

/**
 * A name within one registry, which it may carry.
 * @param registry - `host[:port]`
 * @throws InvalidArgumentError when it is no name, or names another registry
 */
export function localReference(text: string, registry: string): Reference {
  const reference = parseReference(text);
  if (reference.registry === undefined || isRegistry(reference.registry, registry)) return reference;
  const shown = printable(text, 300);
  throw new InvalidArgumentError(`"${shown}" is on ${reference.registry}, but this client speaks to ${registry}`, {
    hint: 'Leave the host out, or make a client for that registry.',
  });
}

/** Hosts have no case, the port a scheme implies is gone from the client's address, and Docker Hub has three names. */
function isRegistry(written: string, registry: string): boolean {
  const host = written.toLowerCase().replace(/^(index|registry-1)\.(?=docker\.io$)/, '');
  return host === registry || host.replace(/:(443|80)$/, '') === registry;
}

function chooseImage(images: readonly ArchiveImage[], choice: string | number | undefined): ArchiveImage {
  const names = printable(images.map(({ tags }, i) => `${i}: ${tags.join(', ') || 'untagged'}`).join('; '));
  if (choice === undefined) {
    if (images.length === 1) return images[0] as ArchiveImage;
    throw new InvalidArgumentError(`the archive holds ${images.length} images, and one name was given (${names})`, {
      code: 'IMAGE_AMBIGUOUS',
      hint: 'Choose one with the option image (--image), or push all under their original tags.',
    });
  }
  const found =
    typeof choice === 'number' ? images[choice] : images.find(({ tags }) => tags.some((tag) => sameTag(tag, choice)));
  if (found) return found;
  throw new InvalidArgumentError(`the archive holds no image ${printable(String(choice), 300)} (${names})`, {
    code: 'IMAGE_UNKNOWN',
  });
}

/** `app` and `app:latest`, `docker.io/library/app` and `app` are one name. */
function sameTag(a: string, b: string): boolean {
  const full = (text: string): string => {
    const { registry = 'docker.io', repository, tag } = parseRepositoryTag(text);
    return formatReference({ registry, repository, tag });
  };
  return full(a) === full(b);
}

/** Takes the one image for `platform` out of an index. @throws InvalidArgumentError when `platform` is none */
function pickPlatform(platform: string | undefined): (image: ArchiveImage) => ArchiveImage {
  if (platform === undefined) return (image) => image;
  const wanted = parsePlatform(platform);
  return (image) => {
    const found = image.manifests.find((manifest) => manifest.platform && platformMatches(wanted, manifest.platform));
    if (found) return { ...image, manifests: [found], indexes: [], omitted: [] };
    throw noPlatform(platform, image);
  };
}

function noPlatform(platform: string, { manifests }: ArchiveImage): InvalidArgumentError {
  const platforms = manifests.flatMap((manifest) => manifest.platform ?? []).filter((one) => !isUnknownPlatform(one));
  const available = platforms.map(formatPlatform);
  const shown = printable(available.join(', '), 500) || 'no platform';
  return new InvalidArgumentError(`the archive has no image for ${platform}, only for ${shown}`, {
    code: 'PLATFORM_UNKNOWN',
  });
}

function noTags(): InvalidArgumentError {
  return new InvalidArgumentError('the archive names no tag, and no name was given', {
    code: 'NAME_REQUIRED',
    hint: 'Give a name to push it under, for example team/app:1.0.',
  });
}

function sameName(name: string): InvalidArgumentError {
  return new InvalidArgumentError(`two different images of the archive would both become ${name}`, {
    code: 'NAME_TAKEN',
    hint: 'Give them different names with the option rename, or push them one by one.',
  });
}
