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
import { BlobProgress } from './blob-progress.js';
import { BlobPusher } from './blob-pusher.js';
import type { KnownLayers } from './known-layers.js';
import type { Content } from './layer-content.js';
import { createLimit, type Limit } from './limiter.js';
import { type LayerLook, PassingLayer } from './passing-layer.js';
import type { OnProgress } from './progress.js';
import { type SentLayer, SentLayers } from './sent-layers.js';
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
  /** Finds out what need not be sent. */
  learn: (signal: AbortSignal) => Promise<KnownLayers>;
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
  known: KnownLayers;
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
  private known: Promise<KnownLayers> | undefined;

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
      signal.throwIfAborted();
      this.known = this.job.learn(signal);
      const learning = this.known;
      const [index] = await this.together.run([() => this.readAll(input), () => learning.then(() => undefined)]);
      await Promise.all(this.sending);
      const contents = await readArchive(index as TarIndex);
      return { source: this.source, sent: this.sent, contents, known: await learning };
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
    const head = await content.start(BLOCK);
    const look = this.lookOf(entry.name, head);
    if (look) await this.send(passing, look);
    else if (entry.size <= SMALL) throw tooManySmall();
    else if (isJsonStart(head)) this.source.put(entry.position, () => Promise.reject(tooMuchJson(entry)));
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
    const { compressor } = this.job;
    if (packing === 'none' && isTarStart(start) && compressor) return { packing, compressor, diffId: digest };
    const isUsual = packing === 'gzip' || packing === 'zstd' || isTarStart(start);
    return isUsual || digest !== undefined ? { packing, digest } : undefined;
  }

  /** Resolves when the next entry can be read, which is before the registry has answered. */
  private async send(passing: PassingEntry, look: LayerLook): Promise<void> {
    const layer = new PassingLayer(passing, look);
    const sending = this.together.run([() => this.limit(() => this.linkOrPush(layer))]);
    sending.catch(() => undefined);
    this.sending.push(sending);
    await Promise.race([sending, passing.content.passed]);
  }

  private async linkOrPush(layer: PassingLayer): Promise<void> {
    const linked = layer.named && (await this.link(layer.named));
    await (linked ? this.skip(layer, linked) : this.push(layer));
  }

  private async link(named: Content): Promise<PushedBlob | undefined> {
    const { repository } = this.job;
    const { signal } = this.together;
    const found = await (await this.known)?.find(named, [repository]);
    return found && this.blobs.link(repository, found.descriptor, { signal, mountFrom: found.from });
  }

  private async skip(layer: PassingLayer, pushed: PushedBlob): Promise<void> {
    const { repository, onProgress } = this.job;
    const { entry, size, packing } = layer.content;
    const progress = new BlobProgress({ entry, size }, onProgress);
    const plain = await layer.skip((bytes) => progress.addRead(bytes));
    onProgress({ state: pushed.outcome, blob: { entry, size }, repository, descriptor: pushed.descriptor });
    this.add(layer, { packing, plain, pushed });
  }

  private async push(layer: PassingLayer): Promise<void> {
    const { repository } = this.job;
    const { content, named } = layer;
    try {
      await this.pusher.push({ content, repositories: [repository] });
    } catch (error) {
      throw layer.canOpen ? error : brokenOff(error, content.entry);
    }
    const [pushed] = this.pusher.outcomes([content.key], repository) as [PushedBlob];
    const sent = layer.sent(pushed);
    this.add(layer, sent);
    // Only what it turned out to be, not what its name says.
    if (named && sent.plain === named.diffId) await (await this.known)?.remember(named, pushed.descriptor, repository);
  }

  private add(layer: PassingLayer, sent: SentLayer): void {
    const { position } = layer.content;
    this.sent.add(position, sent);
    this.source.put(position, () => this.fetchBack(layer, sent.pushed));
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

function isJsonStart(head: Buffer): boolean {
  return /^\s*[[{]/.test(head.toString('latin1'));
}

/** Told only when it turns out to be needed. */
function tooMuchJson({ name, size }: TarEntry): TarReadError {
  const what = `${printable(name, 300)} has ${size} bytes of JSON`;
  return new TarReadError(`${what}, and of a stream no more is kept than 4 MiB for a file and 32 MiB in all`, {
    hint: 'Push the archive as a file, which can be read again.',
  });
}

function tooManySmall(): TarReadError {
  return new TarReadError('the stream holds more small files than fit into memory until its end', {
    hint: 'Push the archive as a file, of which only the headers are read ahead.',
  });
}
