import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inject, injectable } from 'inversify';
import { NotFoundError, RegistryError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import type { RequestBody, Transport } from '../transport/transport.js';
import { arrive, mayExist, type WaysIn } from './blob-arrival.js';
import { BlobDownload } from './blob-download.js';
import { BlobUpload } from './blob-upload.js';
import { ChunkSize } from './chunk-size.js';
import { deleteScope, pullScope, pushScope } from './endpoints.js';
import { type CallOptions, Requests } from './requests.js';
import { Sending } from './sending.js';
import { SentBytes } from './sent-bytes.js';
import { SinglePost } from './single-post.js';
import { isSessionOver, type UploadSteps, withTries } from './upload-tries.js';
import type { UploadContent } from './whole-upload.js';

/** Content whose digest and size are known before a byte is sent. */
export interface BlobContent {
  /** What `open` gives: a registry refuses anything else. */
  descriptor: Descriptor;
  /** The bytes, from the start at every call. */
  open(): Readable | Promise<Readable>;
  /** Whether it can be opened now; when not, a broken upload is not tried again. Default: always. */
  canOpen?: (() => boolean) | undefined;
}

/** Content that gets its digest while it is sent, for example because it is compressed on the way. */
export interface StreamedContent {
  /** Goes into the descriptor; the registry is not told. */
  mediaType: string;
  /** The same bytes, from the start, at every call. */
  open(): Readable | Promise<Readable>;
  /** Whether it can be opened now; when not, a broken upload is not tried again. Default: always. */
  canOpen?: (() => boolean) | undefined;
}

/** How a blob is looked for. */
export interface BlobExistsOptions extends CallOptions {
  /** Asks for a token that allows to push as well, so that the rest of a push needs no second one. Default `false`. */
  forPush?: boolean;
  /** A repository the token should allow to mount from. */
  mountFrom?: string | undefined;
}

/** How a blob is stored. */
export interface BlobPushOptions {
  /** Ends the upload, which rejects with its reason; the session at the registry is given back. */
  signal?: AbortSignal | undefined;
  /** A repository of the same registry that has the blob: the registry then links it, and nothing is sent. */
  mountFrom?: string | undefined;
  /** Whether it is sent without asking if it is there, because it hardly can be. Default `false`. */
  isNew?: boolean;
  /** Bytes handed to the network since the last call; negative when a broken try is taken back. */
  onSent?: ((bytes: number) => void) | undefined;
}

/** A blob that the repository has now. */
export interface PushedBlob {
  /** What was asked for, or what was computed while it was sent. */
  descriptor: Descriptor;
  /** `exists`: the registry had it; `mounted`: linked from another repository; `uploaded`: sent. */
  outcome: 'exists' | 'mounted' | 'uploaded';
  /** On the wire, broken tries included. */
  bytesSent: number;
}

/** Of the transport's retries, when nobody says otherwise; a session is a longer affair, and waited for twice as long. */
const BASE_DELAY = 300;

/** What a blob is that can only be sent. */
const NOT_LINKED = 'not linked';

/**
 * Blobs of a registry. Source: distribution-spec v1.1,
 * [Pulling blobs](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-blobs),
 * [Pushing Blobs](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-blobs).
 */
@injectable()
export class BlobService {
  private readonly requests: Requests;
  private readonly single: SinglePost;
  private readonly chunks: ChunkSize;
  private readonly baseDelay: number;

  /** A client makes one by itself: {@link RegistryClient}. `transport` is to follow redirects, sign requests and try again. */
  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options)
    options: Pick<ResolvedOptions, 'url' | 'timeout'> & Partial<Pick<ResolvedOptions, 'chunkSize' | 'retry'>>,
  ) {
    this.requests = new Requests(transport, options);
    this.single = new SinglePost(this.requests);
    this.chunks = new ChunkSize(options.chunkSize);
    this.baseDelay = 2 * (options.retry?.baseDelay ?? BASE_DELAY);
  }

  /** Whether the repository has the blob (HEAD). @throws RegistryError when that cannot be found out. */
  async exists(
    repository: string,
    digest: string,
    { signal, timeout, forPush = false, mountFrom }: BlobExistsOptions = {},
  ): Promise<boolean> {
    const { endpoints } = this.requests;
    const { url, scopes } = endpoints.blob(repository, digest, forPush ? pushScope : pullScope);
    const doing = `looking for ${digest} in ${repository}`;
    // A mount will need to read there, and one token can allow both.
    const wanted = mountFrom === undefined ? scopes : [...scopes, endpoints.scope(mountFrom, 'pull')];
    try {
      const call = { url, scopes: wanted, method: 'HEAD', signal, timeout, expected: [200], doing };
      await this.requests.metadata(call);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  /**
   * Stores a blob unless it is there: HEAD, then mount or one PUT with its length. A PUT that breaks off is taken up again where it
   * broke, where the registry can do that.
   * @throws RegistryError, or whatever `content.open()` fails with
   */
  async push(repository: string, content: BlobContent, options: BlobPushOptions = {}): Promise<PushedBlob> {
    const { descriptor } = content;
    const { signal, mountFrom } = options;
    const sent = new SentBytes(options.onSent);
    let asks = !options.isNew;
    let rest = content;
    const ways: WaysIn<BlobUpload> = {
      isThere: () => mayExist(this, { repository, digest: descriptor.digest, mountFrom, signal }),
      post: async () => {
        const bytes = await buffer(await content.open());
        rest = { descriptor, open: () => streamOf(bytes) };
        const upload = await this.single.send(repository, descriptor.digest, bytes, signal);
        if (!upload) sent.begin()(bytes.length);
        return upload;
      },
      mount: (from) => this.mountOrStart(repository, descriptor.digest, from, signal),
      start: () => BlobUpload.start(this.requests, repository, signal),
    };
    const open = async (): Promise<BlobUpload | PushedBlob> => {
      const isNew = !asks;
      // Whoever tries again may have been heard the first time.
      asks = true;
      const isSmall = isNew && this.single.isFor(descriptor.size);
      const arrived = await arrive(ways, { repository, mountFrom, isNew, isSmall });
      if (typeof arrived !== 'string') return arrived;
      const isSent = arrived === 'exists' && sent.total > 0;
      return { descriptor, outcome: isSent ? 'uploaded' : arrived, bytesSent: sent.total };
    };
    const { canOpen } = content;
    const { digest, size } = descriptor;
    const sending = this.sending(repository, { digest, size, canOpen, open: () => rest.open() }, sent, signal);
    const send = async (upload: BlobUpload): Promise<Descriptor> => {
      await sending.send(upload);
      return descriptor;
    };
    return withTries({ ...this.steps(sending, canOpen), open, send }, sent, signal);
  }

  /**
   * Makes a repository have a blob without sending it: HEAD, then mount.
   * @returns undefined when the registry does not have it where it was said to be, or does not mount
   * @throws RegistryError
   */
  async link(
    repository: string,
    descriptor: Descriptor,
    options: BlobPushOptions = {},
  ): Promise<PushedBlob | undefined> {
    const { signal, mountFrom } = options;
    const { digest } = descriptor;
    const notLinked = (): Promise<typeof NOT_LINKED> => Promise.resolve(NOT_LINKED);
    const ways: WaysIn<typeof NOT_LINKED> = {
      isThere: () => mayExist(this, { repository, digest, mountFrom, signal }),
      post: notLinked,
      mount: (from) => this.mountOnly(repository, digest, from, signal),
      start: notLinked,
    };
    const outcome = await arrive(ways, { repository, mountFrom, isNew: false, isSmall: false });
    return outcome === NOT_LINKED ? undefined : { descriptor, outcome, bytesSent: 0 };
  }

  /**
   * Stores content of unknown digest in one pass: a session, one streamed PATCH, and a PUT with the digest computed on the
   * way. A PATCH that breaks off is taken up again where it broke, where the registry can do that.
   * @throws RegistryError, or whatever `content.open()` fails with
   */
  async pushStream(repository: string, content: StreamedContent, options: BlobPushOptions = {}): Promise<PushedBlob> {
    const { signal } = options;
    const sent = new SentBytes(options.onSent);
    const open = (): Promise<BlobUpload> => BlobUpload.start(this.requests, repository, signal);
    const { mediaType, canOpen } = content;
    const sending = this.sending(repository, { canOpen, open: () => content.open() }, sent, signal);
    const send = async (upload: BlobUpload): Promise<Descriptor> => ({ mediaType, ...(await sending.send(upload)) });
    return withTries({ ...this.steps(sending, canOpen), open, send }, sent, signal);
  }

  /**
   * The bytes of a blob, checked as they pass: the stream fails instead of ending when they are not the blob's. A broken
   * connection is taken up again where it broke.
   * @throws NotFoundError, RegistryError; the stream: DigestMismatchError
   */
  fetch(
    repository: string,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options: Pick<CallOptions, 'signal'> = {},
  ): Promise<Readable> {
    return new BlobDownload(this.requests, repository, descriptor, options.signal).start();
  }

  /**
   * A small blob as a whole, checked, within the time of a metadata call.
   * @throws NotFoundError, DigestMismatchError, RegistryError
   */
  async read(
    repository: string,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options: CallOptions = {},
  ): Promise<Buffer> {
    const { signal, timeout } = options;
    const endpoint = this.requests.endpoints.blob(repository, descriptor.digest);
    const doing = `fetching ${descriptor.digest} from ${repository}`;
    return this.requests.inTime(
      { ...endpoint, method: 'GET', expected: [200], doing, signal, timeout },
      async (timed) => buffer(await this.fetch(repository, descriptor, { signal: timed.signal })),
    );
  }

  /** @throws NotFoundError, UnsupportedError when the registry does not delete, RegistryError */
  async delete(repository: string, digest: string, { signal, timeout }: CallOptions = {}): Promise<void> {
    const endpoint = this.requests.endpoints.blob(repository, digest, deleteScope);
    const doing = `deleting ${digest} from ${repository}`;
    const call = { ...endpoint, method: 'DELETE', expected: [200, 202, 204], doing };
    await this.requests.metadata({ ...call, signal, timeout });
  }

  /** A mount is only a shortcut: whatever the registry says to it, the blob can still be uploaded. */
  private async mountOrStart(
    repository: string,
    digest: string,
    from: string,
    signal: AbortSignal | undefined,
  ): Promise<BlobUpload | undefined> {
    try {
      return await BlobUpload.mount(this.requests, repository, { digest, from }, signal);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.status === undefined) throw error;
      return BlobUpload.start(this.requests, repository, signal);
    }
  }

  /** Without an upload in its place. */
  private async mountOnly(
    repository: string,
    digest: string,
    from: string,
    signal: AbortSignal | undefined,
  ): Promise<typeof NOT_LINKED | undefined> {
    try {
      const upload = await BlobUpload.mount(this.requests, repository, { digest, from }, signal);
      if (upload === undefined) return undefined;
      await upload.cancel();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.status === undefined) throw error;
    }
    return NOT_LINKED;
  }

  private steps(sending: Sending, canRepeat: (() => boolean) | undefined): Omit<UploadSteps, 'open' | 'send'> {
    return { canRepeat, baseDelay: this.baseDelay, adapts: (error) => sending.adapts(error) };
  }

  private sending(
    repository: string,
    content: UploadContent,
    sent: SentBytes,
    signal: AbortSignal | undefined,
  ): Sending {
    const { baseDelay } = this;
    return new Sending({ content, sent, repository, baseDelay, signal }, this.chunks, (upload, digest, body, from) =>
      this.finish(upload, repository, digest, signal, body, from),
    );
  }

  /** The answer to the last PUT may be lost when the blob is stored: then only asking for it tells. */
  private async finish(
    upload: BlobUpload,
    repository: string,
    digest: string,
    signal: AbortSignal | undefined,
    body?: RequestBody,
    from?: number,
  ): Promise<void> {
    try {
      await upload.finish(digest, body, from, signal);
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      const isStored = await this.exists(repository, digest, { signal, forPush: true }).catch(() => false);
      if (!isStored) throw error;
    }
  }
}
