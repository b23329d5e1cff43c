import { RegistryError } from '../errors.js';
import { streamOf } from '../oci/byte-stream.js';
import { discard } from '../transport/discard.js';
import type { RequestBody } from '../transport/transport.js';
import { uploadLocation, withDigest } from './location.js';
import type { Call, Requests } from './requests.js';
import { assertStored, type Head } from './response.js';
import { minimalChunk, storedBytes } from './upload-range.js';

/** How long an abandoned session may take to be closed; it is a courtesy to the registry, not part of the result. */
const CANCEL_TIMEOUT = 2000;

/** The same where the end has waited already for the session to be named: together less than 3 s. */
const LATE_CANCEL_TIMEOUT = 1400;

const OCTETS = { 'content-type': 'application/octet-stream' };

/**
 * One upload session. Source: distribution-spec v1.1, "Pushing blobs". It knows where the upload goes on (always the
 * `Location` of the latest answer) and nothing of retries: whoever owns it decides what a failure means.
 */
export class BlobUpload {
  private isOpen = true;

  private constructor(
    private readonly requests: Requests,
    private readonly repository: string,
    private readonly scopes: readonly string[],
    private location: URL,
    /** Bytes that every chunk but the last has to have; 0 when any will do. */
    readonly minimalChunk = 0,
  ) {}

  static async start(requests: Requests, repository: string, signal?: AbortSignal): Promise<BlobUpload> {
    const doing = `starting an upload to ${repository}`;
    const call = { ...requests.endpoints.uploads(repository), signal, expected: [202], doing };
    const { upload } = await BlobUpload.open(requests, repository, call);
    return upload as BlobUpload;
  }

  /** @returns `undefined` when the blob was stored with its request, else the session the registry opened instead. */
  static async post(
    requests: Requests,
    repository: string,
    { digest, bytes }: { digest: string; bytes: Buffer },
    signal?: AbortSignal,
  ): Promise<BlobUpload | undefined> {
    const { url, scopes } = requests.endpoints.uploads(repository);
    const doing = `uploading ${digest} to ${repository}`;
    const body = { size: bytes.length, open: () => streamOf(bytes) };
    const call = { url: withDigest(url, digest), scopes, headers: OCTETS, body, signal, expected: [201, 202], doing };
    const { upload, answer } = await BlobUpload.open(requests, repository, call);
    if (!upload) assertStored(answer, digest, doing);
    return upload;
  }

  /** @returns `undefined` when the blob was mounted, else the session the registry opened instead. */
  static async mount(
    requests: Requests,
    repository: string,
    { digest, from }: { digest: string; from: string },
    signal?: AbortSignal,
  ): Promise<BlobUpload | undefined> {
    const doing = `mounting ${digest} from ${from} into ${repository}`;
    const call = { ...requests.endpoints.mount(repository, digest, from), signal, expected: [201, 202], doing };
    return (await BlobUpload.open(requests, repository, call)).upload;
  }

  /**
   * Sends what opens a session, unless the registry has a better idea. Its answer is waited for a little also when the caller
   * leaves meanwhile, or the session could not be given back.
   */
  private static async open(
    requests: Requests,
    repository: string,
    call: Omit<Call, 'method'>,
  ): Promise<{ answer: Head; upload: BlobUpload | undefined }> {
    const { scopes, signal, doing } = call;
    const answer = await requests.metadata({ ...call, method: 'POST', lingers: true });
    try {
      const location = answer.status === 202 ? uploadLocation(answer, doing) : undefined;
      const upload = location && new BlobUpload(requests, repository, scopes, location, minimalChunk(answer));
      if (signal?.aborted) await upload?.cancel(LATE_CANCEL_TIMEOUT);
      return { answer, upload };
    } finally {
      signal?.throwIfAborted();
    }
  }

  /**
   * Sends content in one PATCH: all of it in a stream, which is docker's own way and the one no registry is known to refuse; or
   * a piece of known size from byte `from` on.
   * @returns how many bytes the registry says to have now, if it says so
   */
  async patch(body: RequestBody, from?: number, signal?: AbortSignal): Promise<number | undefined> {
    const doing = `uploading to ${this.repository}`;
    const answer = await this.send({
      url: this.location,
      method: 'PATCH',
      headers: { ...OCTETS, ...rangeOf(body, from) },
      body,
      signal,
      // ECR answers 201 where the spec has 202.
      expected: [202, 201],
      doing,
    });
    this.location = uploadLocation(answer, doing);
    return storedBytes(answer);
  }

  /**
   * Asks how far the upload is, and where it goes on: what was handed to a connection that broke proves nothing.
   * Source: distribution-spec v1.1, "Pushing a blob in chunks".
   * @returns bytes from the start; `undefined` when the registry does not say, or knows nothing of the upload any more
   */
  async stored(signal?: AbortSignal): Promise<number | undefined> {
    const doing = `asking how far an upload to ${this.repository} is`;
    const call = { url: this.location, scopes: this.scopes, method: 'GET', signal, expected: [204, 202], doing };
    try {
      const answer = await this.requests.metadata(call);
      if (answer.headers.location) this.location = uploadLocation(answer, doing);
      return storedBytes(answer);
    } catch (error) {
      if (error instanceof RegistryError) return undefined;
      throw error;
    }
  }

  /**
   * Ends the upload under a digest. With the content as `body` when no PATCH came before, or what is left of it from byte `from`.
   */
  async finish(digest: string, body?: RequestBody, from?: number, signal?: AbortSignal): Promise<void> {
    const doing = `uploading ${digest} to ${this.repository}`;
    const answer = await this.send({
      url: withDigest(this.location, digest),
      method: 'PUT',
      ...(body ? { headers: { ...OCTETS, ...rangeOf(body, from) }, body } : {}),
      signal,
      // The session may have ended with the first try, whose answer was lost: only the owner can tell.
      repeatable: false,
      expected: [201],
      doing,
    });
    this.isOpen = false;
    assertStored(answer, digest, doing);
  }

  /** Gives the session back. Never fails: the registry forgets it anyway, and the first error is the one to report. */
  async cancel(timeout = CANCEL_TIMEOUT): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    // The caller's signal may be the reason why we are here, so this has its own.
    const signal = AbortSignal.timeout(timeout);
    await this.delete(signal).catch(async (error: unknown) => {
      if (!(error instanceof RegistryError) || error.status !== 416) return;
      // distribution 3 knows the upload by how far it got, and tells only who asks (registry/handlers/blobupload.go).
      await this.stored(signal)
        .then(() => this.delete(signal))
        .catch(() => undefined);
    });
  }

  private async delete(signal: AbortSignal): Promise<void> {
    const scopes = [...this.scopes, this.requests.endpoints.scope(this.repository, 'delete')];
    const call = { url: this.location, scopes, method: 'DELETE', signal, repeatable: false };
    discard(await this.requests.transfer({ ...call, expected: [204, 202, 200], doing: 'cancelling an upload' }));
  }

  private async send(call: Omit<Call, 'scopes'>): Promise<Head> {
    const response = await this.requests.transfer({ ...call, scopes: this.scopes });
    discard(response);
    return response;
  }
}

/** The spec's own form of the header: no `bytes ` in front and no size behind. What has no size has no range either. */
function rangeOf({ size }: RequestBody, from: number | undefined): Record<string, string> {
  if (size === undefined || from === undefined || size === 0) return {};
  return { 'content-range': `${from}-${from + size - 1}` };
}
