import type { Fault } from '../../lib/embedded/fault.js';
import type { PersonalityName } from '../../lib/embedded/personality.js';
import { bytes, type Content, noise, text } from './content.js';
import type { ImageOptions } from './image-model.js';
import type { ImageTarOptions } from './image-tar.js';
import type { ImageFormat } from './image-writers.js';
import { Random } from './random.js';
import { layerOf } from './tar-builder.js';

/** How an image goes in or out. */
export type Way =
  | 'push a file'
  | 'push bytes'
  | 'push a stream'
  | 'push the original tags'
  | 'pull into a file'
  | 'pull into a stream'
  | 'copy within the registry'
  | 'copy into the registry'
  | 'copy out of the registry';

/** One run of the client, and all that goes wrong in it. */
export interface FaultSchedule {
  seed: number;
  way: Way;
  image: ImageTarOptions;
  /** Over http, or without sockets. */
  sockets: boolean;
  personality: PersonalityName | undefined;
  auth: 'none' | 'basic' | 'bearer';
  /** Requests after which every token is refused, with `bearer`. */
  tokensEndAfter: number | undefined;
  /** Bytes that the registry wants every chunk to have. */
  chunkMinLength: number;
  compression: 'gzip' | 'none';
  /** Blobs at once. */
  concurrency: number | undefined;
  faults: readonly Fault[];
}

const WAYS: readonly Way[] = [
  'push a file',
  'push a file',
  'push a file',
  'push bytes',
  'push a stream',
  'push a stream',
  'push the original tags',
  'pull into a file',
  'pull into a file',
  'pull into a stream',
  'copy within the registry',
  'copy into the registry',
  'copy out of the registry',
];

const FORMATS: readonly ImageFormat[] = [
  'docker-24',
  'docker-25',
  'docker-containerd',
  'skopeo',
  'oci',
  'oci-skopeo',
  'oci-index',
  'crane',
  'nix',
  'jib',
  'rules-oci',
];
/** Those that programs write with several images in them. */
const FORMATS_OF_SEVERAL: readonly ImageFormat[] = ['docker-24', 'docker-25', 'docker-containerd', 'oci', 'oci-skopeo'];

const PERSONALITIES: readonly PersonalityName[] = [
  'distribution-2.8',
  'distribution-3',
  'ecr',
  'ghcr',
  'google',
  'docker-hub',
];

const MIB = 1024 * 1024;
/** Around the sizes at which the client does something else. */
const SIZES = [1, 100, 512, 4096, 64 * 1024, 300_000, MIB - 1024, MIB, MIB + 1, 2 * MIB, 3 * MIB - 7];

/** What a client may meet: methods with the paths they are sent to. */
const READING: readonly Pick<Fault, 'on' | 'path'>[] = [
  { on: 'GET' },
  { on: 'GET', path: '/blobs/' },
  { on: 'GET', path: '/blobs/' },
  { on: 'GET', path: '/manifests/' },
  { path: '/v2/' },
  {},
];
const WRITING: readonly Pick<Fault, 'on' | 'path'>[] = [
  { on: 'HEAD' },
  { on: 'GET' },
  { on: 'GET', path: '/blobs/uploads/' },
  { on: 'POST' },
  { on: 'PATCH' },
  { on: 'PATCH' },
  { on: 'PUT' },
  { on: 'PUT', path: '/blobs/' },
  { on: 'PUT', path: '/manifests/' },
  { on: 'DELETE' },
  { path: '/blobs/uploads/' },
  { path: '/manifests/' },
  {},
];
const STATUSES = [
  200, 201, 202, 204, 206, 301, 307, 400, 401, 403, 404, 405, 408, 413, 416, 429, 500, 502, 503, 504, 507, 599,
];
const OFFSETS = [0, 1, 2, 100, 400, 511, 4096, 65_536, 65_537, 250_000, MIB, 2 * MIB];

/** The same seed gives the same schedule. */
export function scheduleOf(seed: number): FaultSchedule {
  const random = new Random(seed);
  const way = random.pick(WAYS);
  const sockets = random.once(2);
  const auth = random.pick(['none', 'none', 'basic', 'bearer'] as const);
  return {
    seed,
    way,
    image: imageOf(random, way),
    sockets,
    personality: random.once(2) ? random.pick(PERSONALITIES) : undefined,
    auth,
    tokensEndAfter: random.once(2) ? random.between(2, 20) : undefined,
    chunkMinLength: random.once(4) ? random.pick([5000, MIB, 5 * MIB]) : 0,
    compression: random.once(3) ? 'none' : 'gzip',
    concurrency: random.once(2) ? random.between(1, 4) : undefined,
    faults: random.times(random.between(1, 4), () => faultOf(random, { way, sockets, auth })),
  };
}

/** In a few words, for whoever looks for what a seed does. */
export function describeSchedule({ way, image, faults, ...rest }: FaultSchedule): string {
  const layers = (image.images ?? [image]).map((one) => (one.layers ?? []).map(({ size }) => size));
  const about = { way, format: image.format, layers, ...rest, faults };
  return JSON.stringify(about, (_, value: unknown) => (value === Infinity ? 'Infinity' : value));
}

function imageOf(random: Random, way: Way): ImageTarOptions {
  const isSeveral = way === 'push the original tags' && random.once(2);
  const format = random.pick(isSeveral ? FORMATS_OF_SEVERAL : FORMATS);
  const shared = layerFrom(random, 'shared');
  const images = random.times(isSeveral ? random.between(2, 3) : 1, (index) => oneOf(random, index, shared));
  return { format, images: format === 'oci-index' ? twoPlatforms(images) : images };
}

function oneOf(random: Random, index: number, shared: Content): ImageOptions {
  const own = random.times(random.between(0, 3), (layer) => layerFrom(random, `${index}/${layer}`));
  // Also a layer that occurs twice.
  const layers = random.once(5) ? [shared, ...own, shared] : [shared, ...own];
  const name = random.pick(['team/app', 'team/other']);
  const tags = random.once(3) ? [`${name}:v${index}`, `${name}:also-${index}`] : [`${name}:v${index}`];
  return { layers, tags, config: { author: `image ${index}` } };
}

function twoPlatforms(images: readonly ImageOptions[]): ImageOptions[] {
  return images.flatMap((image) => [image, { ...image, platform: 'linux/arm64/v8' }]);
}

function layerFrom(random: Random, name: string): Content {
  const size = random.pick(SIZES);
  const seed = `${name} ${random.between(1, 1e9)}`;
  if (size < 512) return bytes(noise(size, seed).chunks()[Symbol.iterator]().next().value as Buffer);
  return layerOf({ [name]: random.once(2) ? noise(size, seed) : text(size, seed) });
}

function faultOf(random: Random, { way, sockets, auth }: Pick<FaultSchedule, 'way' | 'sockets' | 'auth'>): Fault {
  if (auth === 'bearer' && random.once(4)) return { path: '/token', ...effectOf(random, sockets) };
  const isReading = way.startsWith('pull') || way === 'copy out of the registry';
  const when = {
    ...random.pick(isReading ? READING : way.startsWith('copy') ? [...READING, ...WRITING] : WRITING),
    nth: random.once(3) ? random.between(2, 4) : 1,
    times: random.once(12) ? Infinity : random.between(1, 3),
  };
  const fault: Fault = { ...when, ...effectOf(random, sockets), ...(random.once(5) ? { delayMs: 30 } : {}) };
  // Each of them is waited for, and some bytes in between are a reason to go on.
  if (fault.stallAfterBytes !== undefined) fault.times = Math.min(fault.times ?? 1, 3);
  // The one lie that nobody can tell from the truth without asking again.
  const isLie = fault.status === 201 && (fault.on ?? 'PUT') === 'PUT';
  return isLie ? { ...fault, path: '/blobs/' } : fault;
}

function effectOf(random: Random, sockets: boolean): Fault {
  const offset = random.pick(OFFSETS);
  const effects: (() => Fault)[] = [
    () => statusOf(random),
    () => statusOf(random),
    () => ({ dropResponse: true }),
    () => ({ resetAfterBytes: offset }),
    () => ({ resetAfterBytes: offset }),
    () => ({ truncateAfterBytes: offset }),
    () => ({ flipBit: offset }),
    () => ({ delayMs: random.between(0, 50) }),
    // Without sockets nobody looks at the clock while a transfer stands still.
    () => (sockets ? { stallAfterBytes: offset } : { resetAfterBytes: offset }),
  ];
  return random.pick(effects)();
}

function statusOf(random: Random): Fault {
  const status = random.pick(STATUSES);
  if (status !== 429 && status !== 503) return { status };
  return random.once(3) ? { status, retryAfter: random.pick([0, 1, 3600]) } : { status };
}
