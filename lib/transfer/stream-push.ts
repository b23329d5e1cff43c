import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type ArchiveContents, readArchive } from '../archive/image-archive.js';
import { digestInBlobPath } from '../archive/oci-image.js';
import { PassedSource } from '../archive/passed-source.js';
import type { TarEntry } from '../archive/tar-entry.js';
import { BLOCK, isTarStart } from '../archive/tar-header.js';
import { TarIndex } from '../archive/tar-index.js';
import { type PassingEntry, TarStream } from '../archive/tar-stream.js';
import { unpacked } from '../archive/unpacked.js';
import type { Compressor } from '../compression/compressor.js';
import { sniffPacking } from '../compression/sniff.js';
import { RegistryError, TarReadError } from '../errors.js';
import { printable } from '../redact.js';
import type { BlobService, PushedBlob } from '../services/blob-service.js';
import { BlobPusher } from './blob-pusher.js';
import { createLimit, type Limit } from './limiter.js';
import { type LayerLook, PassingLayer } from './passing-layer.js';
import type { OnProgress } from './progress.js';
import { SentLayers } from './sent-layers.js';
import { TogetherOrNone } from './together-or-none.js';

/** What is not larger is kept until the archive has said what it is, and can then be pushed many at a time. */
const SMALL = 1024 * 1024;
/** Bytes of all small contents together, but for JSON, of which the reader keeps as much. */
const MAX_KEPT = 32 * 1024 * 1024;

export interface StreamPushJob {
  /** Where the image will be. */
  repository: string;
  /** Absent: plain layers are pushed plain. */
  compressor: Compressor | undefined;
  mountFrom?: string | undefined;
  /** Uploads at once: one is fed, others wait for the registry's last word. */
  concurrency: number;
  signal: AbortSignal | undefined;
  onProgress: OnProgress;
}

/** What an archive was that has passed. */
export interface Passed {
  /** Of the contents that are left: the small ones in memory, the others in the registry. */
  source: PassedSource;
  contents: ArchiveContents;
  sent: SentLayers;
}

/**
 * Takes in an archive that comes through a pipe. What it is stands at its end, when nothing can be read again: so whatever
 * looks like a layer is sent while it passes, and what is small is kept. If a layer turns out to be wanted in another form
 * than it was sent in, the registry has it.
 */
export class StreamPush {
  private readonly together: TogetherOrNone;
  private readonly pusher: BlobPusher;
  private readonly limit: Limit;
  private readonly source = new PassedSource('the stream');
  private readonly sent = new SentLayers();
  private readonly sending: Promise<unknown>[] = [];
  private keptBytes = 0;

  /** @throws InvalidArgumentError for a concurrency that cannot be */
  constructor(
    private readonly blobs: BlobService,
    private readonly job: StreamPushJob,
  ) {
    this.together = new TogetherOrNone(job.signal);
    this.limit = createLimit(job.concurrency);
    this.pusher = new BlobPusher(blobs, { ...job, signal: this.together.signal });
  }

  /** Reads `input` to its end, and closes it whatever happens. @throws TarReadError, RegistryError */
  async run(input: Readable): Promise<Passed> {
    const { signal } = this.together;
    const stop = (): void => void input.destroy();
    signal.addEventListener('abort', stop);
    try {
      const [index] = await this.together.run([() => this.readAll(input)]);
      await Promise.all(this.sending);
      return { source: this.source, sent: this.sent, contents: await readArchive(index as TarIndex) };
    } finally {
      await Promise.allSettled(this.sending);
      signal.removeEventListener('abort', stop);
      input.destroy();
    }
  }

  private async readAll(input: Readable): Promise<TarIndex> {
    const stream = await TarStream.open(input);
    try {
      return await TarIndex.of(this.source, this.entries(stream));
    } finally {
      stream.close();
    }
  }

  private async *entries(stream: TarStream): AsyncGenerator<TarEntry> {
    for await (const passing of stream.entries()) {
      yield passing.entry.kind === 'file' ? await this.take(passing) : passing.entry;
    }
  }

  /** The entry, with what is needed of it later. */
  private async take(passing: PassingEntry): Promise<TarEntry> {
    const { entry, content } = passing;
    const kept = await this.keep(passing);
    if (kept) {
      this.source.put(entry.position, kept);
      return { ...entry, head: kept };
    }
    const head = Buffer.from(await content.start(BLOCK));
    const look = this.lookOf(entry.name, head);
    if (look) await this.send(passing, look);
    else if (entry.size <= SMALL) throw tooManySmall();
    return { ...entry, head };
  }

  private async keep({ entry: { size, head }, content }: PassingEntry): Promise<Buffer | undefined> {
    if (head?.length === size) return head;
    if (size > SMALL || this.keptBytes + size > MAX_KEPT) return undefined;
    this.keptBytes += size;
    return buffer(content.open());
  }

  /** What to send an entry as; undefined when it cannot be a layer. */
  private lookOf(name: string, start: Buffer): LayerLook | undefined {
    const packing = sniffPacking(start);
    const digest = digestInBlobPath(name);
    if (packing === 'none' && isTarStart(start) && this.job.compressor)
      return { packing, compressor: this.job.compressor };
    const isUsual = packing === 'gzip' || packing === 'zstd' || isTarStart(start);
    return isUsual || digest !== undefined ? { packing, digest } : undefined;
  }

  /** Resolves when the next entry can be read, which is before the registry has answered. */
  private async send(passing: PassingEntry, look: LayerLook): Promise<void> {
    const layer = new PassingLayer(passing, look);
    const sending = this.together.run([() => this.limit(() => this.push(layer))]);
    sending.catch(() => undefined);
    this.sending.push(sending);
    await Promise.race([sending, passing.content.passed]);
  }

  private async push(layer: PassingLayer): Promise<void> {
    const { repository } = this.job;
    const { content } = layer;
    try {
      await this.pusher.push({ content, repositories: [repository] });
    } catch (error) {
      throw layer.canOpen ? error : brokenOff(error, content.entry);
    }
    const [pushed] = this.pusher.outcomes([content.key], repository) as [PushedBlob];
    this.sent.add(content.position, layer.sent(pushed));
    this.source.put(content.position, () => this.fetchBack(layer, pushed));
  }

  private async fetchBack({ content }: PassingLayer, { descriptor }: PushedBlob): Promise<Readable> {
    const { repository, signal } = this.job;
    const stored = await this.blobs.fetch(repository, descriptor, { signal });
    return content.compresses ? unpacked(this.source.name, stored, content.packing) : stored;
  }
}

/** What would be sent again if it could be read again. */
function brokenOff(error: unknown, entry: string): unknown {
  if (!(error instanceof RegistryError) || !error.retryable) return error;
  const { code, status, method, url, errors } = error;
  return new RegistryError(`${printable(entry, 300)} was sent in part only: ${error.message}`, {
    ...{ code, status, method, url, errors, cause: error },
    hint: 'A stream cannot be read again: start it anew, or push the archive as a file, which takes such breaks by itself.',
  });
}

function tooManySmall(): TarReadError {
  return new TarReadError('the stream holds more small files than fit into memory until its end', {
    hint: 'Push the archive as a file, of which only the headers are read ahead.',
  });
}
