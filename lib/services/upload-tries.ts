import { isUnanswered, RateLimitError, RegistryClientError, RegistryError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { sleep } from '../transport/time-limit.js';
import type { PushedBlob } from './blob-service.js';
import { BlobUpload } from './blob-upload.js';
import type { SentBytes } from './sent-bytes.js';

/** How one try goes about it. */
export interface UploadSteps {
  /** A session to send to, or why there is nothing to send. */
  open: () => Promise<BlobUpload | PushedBlob>;
  send: (upload: BlobUpload) => Promise<Descriptor>;
  /** Whether there is anything to send another time. */
  canRepeat?: (() => boolean) | undefined;
  /** Milliseconds before the second try, doubled for each one after it, with full jitter. */
  baseDelay: number;
  /** Whether the next try goes about it in another way, which need not wait. */
  adapts?: (error: unknown) => boolean;
}

/** What led to a failure. */
interface Past {
  tries: number;
  /** Whether an earlier try ended with another digest. */
  wasDamaged: boolean;
  hadSession: boolean;
  baseDelay: number;
}

/** A whole blob is tried this often: what broke off in the middle of a stream cannot be repeated by the transport. */
const TRIES = 4;

/** Milliseconds to wait at most when the registry limits requests. */
const MAX_PAUSE = 60_000;

/** Codes that mean the session is gone, and only a new one can help. Source: distribution `registry/api/errcode`. */
const SESSION_LOST = new Set(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']);

/** Uploads until it worked or no further try can help; every session that failed is given back. */
export async function withTries(
  { open, send, baseDelay, canRepeat = (): boolean => true, adapts = (): boolean => false }: UploadSteps,
  sent: SentBytes,
  signal: AbortSignal | undefined,
): Promise<PushedBlob> {
  let wasDamaged = false;
  for (let tries = 1; ; tries++) {
    let upload: BlobUpload | undefined;
    try {
      const opened = await open();
      if (!(opened instanceof BlobUpload)) return opened;
      upload = opened;
      const descriptor = await send(upload);
      return { descriptor, outcome: 'uploaded', bytesSent: sent.total };
    } catch (error) {
      await upload?.cancel();
      signal?.throwIfAborted();
      if (!canRepeat()) throw error;
      // To open a session there is one way only.
      const isAdapted = upload !== undefined && adapts(error);
      const pause = isAdapted
        ? 0
        : pauseAfter(error, { tries, wasDamaged, hadSession: upload !== undefined, baseDelay });
      if (pause === undefined) throw error;
      wasDamaged ||= isDigestInvalid(error);
      await sleep(pause, signal);
    }
  }
}

/** Whether the upload may have ended, well or badly, without telling us. */
export function isSessionOver(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.retryable || error.status === 404 || error.status === 416 || SESSION_LOST.has(error.code);
}

/**
 * Milliseconds until another try, `undefined` when there is none. What a session failed with, a new one may not; what comes
 * before it, the transport has tried often enough, unless the registry went away in the middle of it all.
 */
function pauseAfter(error: unknown, { tries, wasDamaged, hadSession, baseDelay }: Past): number | undefined {
  if (tries >= TRIES) return undefined;
  if (!(error instanceof RegistryError)) return isContentRetryable(error) ? 0 : undefined;
  const isAway = tries > 1 && isUnanswered(error);
  // Bytes can be damaged on their way, but not every time.
  const isDamaged = !wasDamaged && isDigestInvalid(error);
  if (hadSession ? !isSessionOver(error) && !isDamaged : !isAway) return undefined;
  return delayOf(error, tries, baseDelay);
}

function isDigestInvalid(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'DIGEST_INVALID';
}

/** Milliseconds until the session that failed is asked how far it got; `undefined` when that is of no use. */
export function resumeDelay(error: unknown, breaks: number, baseDelay: number): number | undefined {
  const isOf = error instanceof RegistryError && (error.retryable || error.status === 416);
  return isOf ? delayOf(error, breaks, baseDelay) : undefined;
}

/** As long as the registry asks for, unless that is too long. */
function delayOf(error: RegistryError, tries: number, baseDelay: number): number | undefined {
  const asked = error instanceof RateLimitError && error.resetAt ? error.resetAt.getTime() - Date.now() : 0;
  return asked > MAX_PAUSE ? undefined : Math.max(asked, Math.random() * baseDelay * 2 ** (tries - 1));
}

/** Content that failed by itself, and says that it may not do so when it is opened again. */
function isContentRetryable(error: unknown): boolean {
  return RegistryClientError.is(error) && error.retryable;
}
