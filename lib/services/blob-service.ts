import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { inject, injectable } from 'inversify';
import { DigestMismatchError, NotFoundError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { Digester } from '../oci/digest.js';
import { assertRepository } from '../oci/reference.js';
import { tapStream } from '../oci/tap-stream.js';
import { VerifyStream } from '../oci/verify-stream.js';
import type { ResolvedOptions } from '../options.js';
import { TOKENS } from '../tokens.js';
import type { RequestBody, Transport } from '../transport/transport.js';
import { BlobUpload } from './blob-upload.js';
import { deleteScope, pullScope, pushScope } from './endpoints.js';
import { discard } from './response.js';
import { Requests } from './requests.js';

/** Content whose digest and size are known before a byte is sent. */
export interface BlobContent {
  descriptor: Descriptor;
  /** The bytes, from the start at every call. */
  open(): Readable;
}

/** Content that gets its digest while it is sent, for example because it is compressed on the way. */
export interface StreamedContent {
  mediaType: string;
  /** The same bytes, from the start, at every call. */
  open(): Readable;
}

export interface BlobPushOptions {
  signal?: AbortSignal | undefined;
  /** A repository of the same registry that has the blob: the registry then links it, and nothing is sent. */
  mountFrom?: string | undefined;
  /** Bytes handed to the network since the last call; negative when a broken try is taken back. */
  onSent?: ((bytes: number) => void) | undefined;
}

export interface PushedBlob {
  descriptor: Descriptor;
  /** `exists`: the registry had it; `mounted`: linked from another repository; `uploaded`: sent. */
  outcome: 'exists' | 'mounted' | 'uploaded';
  /** On the wire, broken tries included. */
  bytesSent: number;
}

/** A whole blob is tried this often: what broke off in the middle of a stream cannot be repeated by the transport. */
const TRIES = 4;

/** Codes that mean the session is gone, and only a new one can help. Source: distribution `registry/api/errcode`. */
const SESSION_LOST = new Set(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']);

/** Blobs of a registry. Source: distribution-spec v1.1, "Pulling blobs", "Pushing Blobs". */
@injectable()
export class BlobService {
  private readonly requests: Requests;

  constructor(
    @inject(TOKENS.Transport) transport: Transport,
    @inject(TOKENS.Options) options: Pick<ResolvedOptions, 'url' | 'timeout'>,
  ) {
    this.requests = new Requests(transport, options);
  }

  /** Whether the repository has the blob (HEAD). @throws RegistryError when that cannot be found out. */
  async exists(
    repository: string,
    digest: string,
    options: { signal?: AbortSignal | undefined; forPush?: boolean } = {},
  ): Promise<boolean> {
    const endpoint = this.requests.endpoints.blob(repository, digest, options.forPush ? pushScope : pullScope);
    const doing = `looking for ${digest} in ${repository}`;
    try {
      discard(
        await this.requests.metadata({ ...endpoint, method: 'HEAD', signal: options.signal, expected: [200], doing }),
      );
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  /**
   * Stores a blob unless it is there: HEAD, then mount or one PUT with its length.
   * @throws RegistryError, or whatever `content.open()` fails with
   */
  async push(repository: string, content: BlobContent, options: BlobPushOptions = {}): Promise<PushedBlob> {
    const { descriptor } = content;
    const { digest, size } = descriptor;
    return this.withTries(options, async (sent) => {
      const { signal, mountFrom } = options;
      if (await this.exists(repository, digest, { signal, forPush: true })) return { descriptor, outcome: 'exists' };
      const upload = mountFrom
        ? await this.mountOrStart(repository, digest, mountFrom, signal)
        : await BlobUpload.start(this.requests, repository, signal);
      if (!upload) return { descriptor, outcome: 'mounted' };
      const body: RequestBody = {
        size,
        open: () => tapStream(content.open(), { chunk: (chunk) => sent(chunk.length) }),
      };
      await orCancel(upload, () => upload.finish(digest, body, signal));
      return { descriptor, outcome: 'uploaded' };
    });
  }

  /**
   * Stores content of unknown digest in one pass: a session, one streamed PATCH, and a PUT with the digest computed on the
   * way.
   * @throws RegistryError, or whatever `content.open()` fails with
   */
  async pushStream(repository: string, content: StreamedContent, options: BlobPushOptions = {}): Promise<PushedBlob> {
    assertRepository(repository);
    return this.withTries(options, async (sent) => {
      const upload = await BlobUpload.start(this.requests, repository, options.signal);
      const descriptor = await orCancel(upload, () => this.stream(upload, content, sent, options.signal));
      return { descriptor, outcome: 'uploaded' };
    });
  }

  /**
   * The bytes of a blob, checked as they pass: the stream fails instead of ending when they are not the blob's.
   * @throws NotFoundError, RegistryError; the stream: DigestMismatchError
   */
  async fetch(
    repository: string,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options: { signal?: AbortSignal } = {},
  ): Promise<Readable> {
    const { digest, size } = descriptor;
    const doing = `fetching ${digest} from ${repository}`;
    const endpoint = this.requests.endpoints.blob(repository, digest);
    const response = await this.requests.transfer({ ...endpoint, method: 'GET', expected: [200], doing, ...options });
    const mismatch = (expected: string, actual: string): DigestMismatchError =>
      new DigestMismatchError(`${doing}: expected ${expected}, but got ${actual}`, {
        expected,
        actual,
        retryable: true,
      });
    const verified = new VerifyStream({ digest, size }, mismatch);
    response.body.on('error', (error) => verified.destroy(error)).pipe(verified);
    verified.once('close', () => response.body.destroy());
    return verified;
  }

  /** @throws NotFoundError, UnsupportedError when the registry does not delete, RegistryError */
  async delete(repository: string, digest: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const endpoint = this.requests.endpoints.blob(repository, digest, deleteScope);
    const doing = `deleting ${digest} from ${repository}`;
    discard(
      await this.requests.metadata({ ...endpoint, method: 'DELETE', expected: [200, 202, 204], doing, ...options }),
    );
  }

  private async stream(
    upload: BlobUpload,
    content: StreamedContent,
    sent: (bytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<Descriptor> {
    let digester = new Digester();
    const tapped = (): Readable => {
      digester = new Digester();
      return tapStream(content.open(), {
        chunk: (chunk) => {
          digester.update(chunk);
          sent(chunk.length);
        },
      });
    };
    await upload.patch({ open: tapped }, signal);
    const { size } = digester;
    const digest = digester.digest();
    await upload.finish(digest, undefined, signal);
    return { mediaType: content.mediaType, digest, size };
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

  private async withTries(
    { signal, onSent }: BlobPushOptions,
    attempt: (sent: (bytes: number) => void) => Promise<Omit<PushedBlob, 'bytesSent'>>,
  ): Promise<PushedBlob> {
    let bytesSent = 0;
    for (let tries = 1; ; tries++) {
      const before = bytesSent;
      const sent = (bytes: number): void => {
        bytesSent += bytes;
        onSent?.(bytes);
      };
      try {
        return { ...(await attempt(sent)), bytesSent };
      } catch (error) {
        signal?.throwIfAborted();
        if (tries >= TRIES || !isWorthAnotherTry(error)) throw error;
        onSent?.(before - bytesSent);
        await delay(Math.random() * 300 * 2 ** tries, undefined, { signal });
      }
    }
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof RegistryError && (error.retryable || SESSION_LOST.has(error.code));
}

async function orCancel<T>(upload: BlobUpload, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await upload.cancel();
    throw error;
  }
}
