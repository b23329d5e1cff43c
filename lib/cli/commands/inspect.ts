import { stat } from 'node:fs/promises';
import {
  type ImageInfo,
  type ImageInspection,
  InvalidArgumentError,
  type PlatformImage,
  TarArchive,
} from '../../index.js';
import { printable } from '../../redact.js';
import type { PlatformFlags } from '../flags.js';
import { formatBytes, formatColumns, formatJson, roomOf, shortEntry } from '../format.js';
import { type Fact, formatFacts, imageFacts, labelled, platformOf } from '../image-table.js';
import type { Io } from '../io.js';
import { fullName, SCHEME, targetOf } from '../target.js';

/** Prints what an archive holds, or what an image of a registry is. */
export async function inspect(what: string, flags: PlatformFlags, io: Io): Promise<void> {
  if (await isArchive(what, flags)) await inspectArchive(what, flags, io);
  else await inspectReference(what, flags, io);
}

const LIKE_A_PATH = /^\.{0,2}\/|\.(tar|tgz|tar\.(gz|zst))$/;

/** Nobody names a registry, by flag or by scheme, to look at a file. */
async function isArchive(what: string, { registry }: PlatformFlags): Promise<boolean> {
  if (registry !== undefined || SCHEME.test(what)) return false;
  if (LIKE_A_PATH.test(what)) return true;
  return (await stat(what).catch(() => undefined))?.isFile() ?? false;
}

async function inspectArchive(tar: string, { json, platform }: PlatformFlags, io: Io): Promise<void> {
  if (platform !== undefined) {
    throw new InvalidArgumentError(`--platform chooses an image of a registry, but ${tar} is an archive`);
  }
  const archive = await TarArchive.open(tar);
  try {
    const images = await archive.inspect();
    const room = roomOf(io.stdoutStream);
    io.stdout(json ? formatJson(images) : images.map((image) => describeArchived(image, room)).join('\n'));
  } finally {
    await archive.close();
  }
}

function describeArchived(image: ImageInspection, room: number): string {
  const layers = image.layers.map(({ entry, size, packing }) => ({
    name: shortEntry(entry),
    size,
    packing: packing === 'none' ? 'plain' : packing,
  }));
  const facts = imageFacts({ ...image.config, ...image }, image.config.digest, layers);
  return formatFacts([['Tags', image.tags.join(', ') || 'none'], ...facts], room);
}

async function inspectReference(name: string, flags: PlatformFlags, io: Io): Promise<void> {
  const { platform, json } = flags;
  const { client, repository, tag, reference } = targetOf(name, flags, io, { digests: true });
  try {
    const options = { signal: io.signal, ...(platform === undefined ? {} : { platform }) };
    const info = await client.getImageInfo(repository, reference, options);
    if (json) return io.stdout(formatJson(info));
    io.stdout(describe(info, fullName(client, { repository, tag }), roomOf(io.stdoutStream)));
  } finally {
    await client.close();
  }
}

/** Of several platforms the first one in full: they differ in what they are for, seldom in what they are. */
function describe({ platforms, digest, mediaType, attestations }: ImageInfo, name: string, room: number): string {
  const [first] = platforms as readonly [PlatformImage];
  const head: Fact[] = [
    ['Name', name],
    ['Digest', digest],
    ['Type', mediaType],
  ];
  if (first.digest === digest) return formatFacts([...head, ...factsOf(first)], room);
  const rows = platforms.map((image) =>
    [platformOf(image), formatBytes(image.size), image.digest].map((cell) => printable(cell)),
  );
  const index: Fact[] = [
    ...labelled('Platforms', formatColumns(rows).trimEnd().split('\n')),
    ['Attestations', attestations.length === 0 ? '' : String(attestations.length)],
  ];
  const one: Fact[] = [['Digest', first.digest], ...factsOf(first)];
  return `${formatFacts([...head, ...index], room)}\n${formatFacts(one, room)}`;
}

function factsOf(image: PlatformImage): Fact[] {
  const layers = image.layers.map(({ digest, size, mediaType }) => ({
    name: shortEntry(digest),
    size,
    packing: packingOf(mediaType),
  }));
  return imageFacts(image, image.config.digest, layers);
}

/** Types of layers end in `tar`, `tar.gzip`, `tar+gzip` or `tar+zstd`; those of artifacts in anything. */
function packingOf(mediaType: string): string {
  const tar = /tar(?:[.+](\w+))?$/.exec(mediaType);
  return tar ? (tar[1] ?? 'plain') : mediaType;
}
