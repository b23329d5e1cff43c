import type { ArchiveImage } from '../archive/archive-image.js';
import { InvalidArgumentError } from '../errors.js';
import { formatPlatform, parsePlatform, platformMatches } from '../oci/platform.js';
import { parseReference, parseRepositoryTag, type RepositoryTag } from '../oci/reference.js';
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
  /** Gives an original tag another name: gets `registry.example.com/team/app:1`, returns `repository[:tag]`. Default: the registry is left out. */
  rename?: (originalTag: string) => string;
  /** Only this platform of images with several. */
  platform?: string;
}

/**
 * One image under the name the user gives.
 * @param registry - `host[:port]` of this client, the only one a name may carry
 * @throws InvalidArgumentError when the name is none, or the archive has several images and none is chosen.
 */
export function namedTarget(
  images: readonly ArchiveImage[],
  reference: string,
  registry: string,
  options: NamedTargetOptions,
): PushTarget {
  const { repository, tag } = targetName(reference, registry);
  const image = withPlatform(chooseImage(images, options.image), options.platform);
  return { image, repository, tags: [tag] };
}

/**
 * Every image under the tags it was saved with.
 * @throws InvalidArgumentError when there are none, or two different images would get the same one.
 */
export function originalTargets(
  images: readonly ArchiveImage[],
  registry: string,
  { which = 'all', rename, platform }: OriginalTargetOptions,
): PushTarget[] {
  const named = images.flatMap((image) => image.tags.map((tag) => ({ image, tag })));
  const chosen = which === 'first' ? named.slice(0, 1) : named;
  if (chosen.length === 0) throw noTags();
  const targets = new Map<string, PushTarget & { tags: string[] }>();
  const taken = new Map<string, ArchiveImage>();
  for (const { image, tag } of chosen) {
    const name = rename ? targetName(rename(tag), registry) : parseRepositoryTag(tag);
    const full = `${name.repository}:${name.tag}`;
    const other = taken.get(full);
    if (other && other !== image) throw sameName(full);
    if (other) continue;
    taken.set(full, image);
    const key = `${images.indexOf(image)} ${name.repository}`;
    const target = targets.get(key) ?? { image: withPlatform(image, platform), repository: name.repository, tags: [] };
    target.tags.push(name.tag);
    targets.set(key, target);
  }
  return [...targets.values()];
}

function targetName(reference: string, registry: string): Pick<RepositoryTag, 'repository' | 'tag'> {
  const parsed = parseReference(reference);
  if (parsed.digest !== undefined) {
    throw new InvalidArgumentError(`"${printable(reference, 300)}" names a digest; a push needs a tag`, {
      code: 'TAG_INVALID',
    });
  }
  if (parsed.registry !== undefined && parsed.registry !== registry) {
    throw new InvalidArgumentError(
      `"${printable(reference, 300)}" is on ${parsed.registry}, but this client speaks to ${registry}`,
      {
        hint: 'Leave the host out, or make a client for that registry.',
      },
    );
  }
  return { repository: parsed.repository, tag: parsed.tag ?? 'latest' };
}

function chooseImage(images: readonly ArchiveImage[], choice: string | number | undefined): ArchiveImage {
  const names = images.map(({ tags }, i) => `${i}: ${tags.join(', ') || 'untagged'}`).join('; ');
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
    const isOfficial = registry === 'docker.io' && !repository.includes('/');
    return `${registry}/${isOfficial ? 'library/' : ''}${repository}:${tag}`;
  };
  return full(a) === full(b);
}

/** The one image of an index that is for `platform`, without the index. */
function withPlatform(image: ArchiveImage, platform: string | undefined): ArchiveImage {
  if (platform === undefined) return image;
  const wanted = parsePlatform(platform);
  const found = image.manifests.find((manifest) => manifest.platform && platformMatches(wanted, manifest.platform));
  if (found) return { ...image, manifests: [found], indexes: [], omitted: [] };
  const available = image.manifests.flatMap((manifest) => (manifest.platform ? formatPlatform(manifest.platform) : []));
  throw new InvalidArgumentError(
    `the archive has no image for ${platform}, only for ${available.join(', ') || 'no platform'}`,
    {
      code: 'PLATFORM_UNKNOWN',
    },
  );
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
