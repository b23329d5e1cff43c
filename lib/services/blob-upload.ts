import { DigestMismatchError } from '../errors.js';
import { printable } from '../redact.js';
import type { RequestBody, TransportResponse } from '../transport/transport.js';
import { uploadLocation, withDigest } from './location.js';
import { discard } from './response.js';
import type { Requests } from './requests.js';

/** How long an abandoned session may take to be closed; it is a courtesy to the registry, not part of the result. */
const CANCEL_TIMEOUT = 3000;

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
  ) {}

  static async start(requests: Requests, repository: string, signal?: AbortSignal): Promise<BlobUpload> {
    const endpoint = requests.endpoints.uploads(repository);
    const doing = `starting an upload to ${repository}`;
    const response = await requests.metadata({ ...endpoint, method: 'POST', signal, expected: [202], doing });
    return BlobUpload.at(requests, repository, endpoint.scopes, response, doing);
  }

  /** @returns `undefined` when the blob was mounted, else the session the registry opened instead. */
  static async mount(
    requests: Requests,
    repository: string,
    { digest, from }: { digest: string; from: string },
    signal?: AbortSignal,
  ): Promise<BlobUpload | undefined> {
    const endpoint = requests.endpoints.mount(repository, digest, from);
    const doing = `mounting ${digest} from ${from} into ${repository}`;
    const response = await requests.metadata({ ...endpoint, method: 'POST', signal, expected: [201, 202], doing });
    if (response.status === 202) return BlobUpload.at(requests, repository, endpoint.scopes, response, doing);
    discard(response);
    return undefined;
  }

  private static at(
    requests: Requests,
    repository: string,
    scopes: readonly string[],
    response: TransportResponse,
    doing: string,
  ): BlobUpload {
    discard(response);
    return new BlobUpload(requests, repository, scopes, uploadLocation(response, doing));
  }

  /** Sends the whole content in one streamed PATCH: docker's own way, and the one no registry is known to refuse. */
  async patch(body: RequestBody, signal?: AbortSignal): Promise<void> {
    const doing = `uploading to ${this.repository}`;
    const response = await this.requests.transfer({
      ...this.here(this.location),
      method: 'PATCH',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      signal,
      // ECR answers 201 where the spec has 202.
      expected: [202, 201],
      doing,
    });
    discard(response);
    this.location = uploadLocation(response, doing);
  }

  /** Ends the upload under a digest, with the whole content as `body` when no PATCH came before. */
  async finish(digest: string, body?: RequestBody, signal?: AbortSignal): Promise<void> {
    const response = await this.requests.transfer({
      ...this.here(withDigest(this.location, digest)),
      method: 'PUT',
      headers: body ? { 'content-type': 'application/octet-stream' } : {},
      ...(body ? { body } : {}),
      signal,
      // The session may have ended with the first try, whose answer was lost: only the owner can tell.
      repeatable: false,
      expected: [201],
      doing: `uploading ${digest} to ${this.repository}`,
    });
    discard(response);
    this.isOpen = false;
    const stored = response.headers['docker-content-digest'];
    if (stored !== undefined && stored !== digest) throw storedOther(this.repository, digest, stored);
  }

  /** Gives the session back. Never fails: the registry forgets it anyway, and the first error is the one to report. */
  async cancel(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT);
    const call = { ...this.here(this.location), method: 'DELETE', signal, repeatable: false };
    const scopes = [...this.scopes, `repository:${this.repository}:delete`];
    await this.requests
      .transfer({ ...call, scopes, expected: [204, 202, 200], doing: 'cancelling an upload' })
      .then(discard, () => undefined);
  }

  private here(url: URL): { url: URL; scopes: readonly string[] } {
    return { url, scopes: this.scopes };
  }
}

function storedOther(repository: string, expected: string, actual: string): DigestMismatchError {
  return new DigestMismatchError(
    `uploading ${expected} to ${repository}: the registry says it stored ${printable(actual, 200)}`,
    { expected, actual },
  );
}
