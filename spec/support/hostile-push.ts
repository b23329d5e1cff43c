import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import {
  BlobService,
  InvalidArgumentError,
  isIndex,
  RegistryClient,
  RegistryClientError,
  TarArchive,
  TarReadError,
  ValidationError,
} from '../../lib/index.js';

/** What pushing some bytes came to: the diff_ids of every tag, or the class of the error. */
export type PushOutcome = Readonly<Record<string, readonly string[]>> | string;

/** Waits no longer than this for anything. */
const PATIENCE = 20_000;

const URL_OF_REGISTRY = 'http://registry.test/';
const OPTIONS = { compressor: 'builtin' } as const;

/** What may be said of bytes that are no image archive, or one without a name, or one whose names collide. */
const REFUSALS = [TarReadError, ValidationError, InvalidArgumentError];

/**
 * Pushes, validates and inspects some bytes, as a file and as a stream, through the public API into an embedded registry.
 * @returns what became of both pushes
 * @throws whatever is neither a whole image nor a typed error: a hang, a tag that stands for half an image, another error
 */
export async function pushHostile(bytes: Buffer, folder: string): Promise<{ file: PushOutcome; stream: PushOutcome }> {
  const path = join(folder, 'hostile.tar');
  await writeFile(path, bytes);
  const isValid = await inTime('validate', validated(path));
  const file = await inTime(
    'the push of a file',
    pushed((client) => client.pushOriginalTags(path, OPTIONS)),
  );
  const stream = await inTime(
    'the push of a stream',
    pushed((client) => client.push(inPieces(bytes), 'piped:1', { ...OPTIONS, image: 0 })),
  );
  if (!isValid && typeof file !== 'string') throw new Error('what validate refuses was pushed');
  return { file, stream };
}

/** Whether it is said to be. */
async function validated(path: string): Promise<boolean> {
  try {
    const archive = await TarArchive.open(path);
    try {
      const { valid } = await archive.validate();
      await archive.inspect().catch(refusal);
      return valid;
    } finally {
      await archive.close();
    }
  } catch (error) {
    refusal(error);
    return false;
  }
}

async function pushed(push: (client: RegistryClient) => Promise<unknown>): Promise<PushOutcome> {
  const transport = new EmbeddedTransport();
  const client = new RegistryClient({ url: URL_OF_REGISTRY, transport, cache: false });
  try {
    const refused = await push(client).then(() => undefined, refusal);
    const tags = await tagsOf(client, new BlobService(transport, { url: new URL(URL_OF_REGISTRY), timeout: PATIENCE }));
    if (refused === undefined) return tags;
    if (Object.keys(tags).length > 0) throw new Error(`a refused archive left ${Object.keys(tags).join(', ')} behind`);
    return refused;
  } finally {
    await client.close();
  }
}

/** Everything a registry has, each image taken apart and hashed. @throws Error when one is not whole */
async function tagsOf(client: RegistryClient, blobs: BlobService): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for await (const repository of client.listRepositories()) {
    for await (const tag of client.listTags(repository)) {
      found[`${repository}:${tag}`] = await diffIdsOf({ client, blobs }, repository, tag);
    }
  }
  return found;
}

async function diffIdsOf(reader: Reader, repository: string, reference: string): Promise<readonly string[]> {
  const { manifest } = await reader.client.getManifest(repository, reference);
  if (isIndex(manifest)) {
    const below = await Promise.all(manifest.manifests.map(({ digest }) => diffIdsOf(reader, repository, digest)));
    return below.flat();
  }
  const config = JSON.parse((await reader.blobs.read(repository, manifest.config)).toString()) as Config;
  const layers = await Promise.all(manifest.layers.map((layer) => reader.blobs.read(repository, layer)));
  const actual = layers.map((layer) => `sha256:${createHash('sha256').update(plain(layer)).digest('hex')}`);
  const expected = config.rootfs?.diff_ids ?? [];
  if (actual.join() !== expected.join())
    throw new Error(`${repository}:${reference} has layers its config does not name`);
  return [manifest.config.digest, ...actual];
}

interface Reader {
  client: RegistryClient;
  blobs: BlobService;
}

interface Config {
  rootfs?: { diff_ids?: string[] };
}

function plain(layer: Buffer): Buffer {
  return layer[0] === 0x1f && layer[1] === 0x8b ? zlib.gunzipSync(layer) : layer;
}

/** Of odd sizes, so that pieces end inside headers. */
function inPieces(bytes: Buffer): Readable {
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += 7001) yield bytes.subarray(at, at + 7001);
  }
  return Readable.from(pieces(), { objectMode: false });
}

function refusal(error: unknown): string {
  const isTyped = REFUSALS.some((type) => error instanceof type) && RegistryClientError.is(error);
  if (!isTyped) throw error;
  assertPrintable((error as Error).message);
  return (error as Error).name;
}

/** @throws Error when a text could steer a terminal */
function assertPrintable(text: string): void {
  if (/[\p{Cc}\p{Cf}]/u.test(text)) throw new Error(`not printable: ${JSON.stringify(text)}`);
}

async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs`)), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
