import { assertDigest, type DigestAlgorithm, isDigest } from '../oci/digest.js';
import { isRepository } from '../oci/reference.js';
import type { RegistryResponse, RoutedRequest } from './message.js';
import { chunkRange } from './ranges.js';
import { Refusal } from './registry-error.js';
import type { BlobStore, ByteRange } from './store.js';
import { unknownUpload, UploadSession } from './upload-session.js';

/** Milliseconds an upload may go without a byte. A client that comes back later has to start anew. */
const MAX_IDLE_TIME = 60 * 60 * 1000;

/** `/v2/<name>/blobs/uploads/` and below. Source: distribution-spec v1.1, "Pushing blobs", "Mounting a blob". */
export class UploadRoutes {
  private readonly sessions = new Map<string, UploadSession>();

  /** @param chunkMinLength - bytes every chunk but the last must have; 0 for no such rule */
  constructor(
    private readonly store: BlobStore,
    private readonly chunkMinLength: number,
  ) {}

  /** POST: mounts, or takes a whole blob, or starts a session. */
  async start(request: RoutedRequest): Promise<RegistryResponse> {
    const { repository, query } = request;
    const mounted = await this.mount(repository, query.get('mount'), query.get('from'));
    if (mounted !== undefined) return created(repository, mounted);
    const digest = query.get('digest');
    if (digest !== null) assertDigest(digest);
    const algorithm = algorithmFrom(query.get('digest-algorithm'));
    await this.dropIdle();
    const session = new UploadSession(repository, await this.store.createBlob(), algorithm);
    if (digest !== null) return this.takeWhole(session, request, digest);
    this.sessions.set(session.id, session);
    return { status: 202, headers: { ...session.headers, ...this.minLengthHeader() } };
  }

  /** GET: how much has arrived. */
  status(request: RoutedRequest): RegistryResponse {
    return { status: 204, headers: this.find(request).headers };
  }

  /** PATCH: a chunk, or without Content-Range a stream of any length. */
  async append(request: RoutedRequest): Promise<RegistryResponse> {
    const session = this.find(request);
    await session.exclusive(() => this.receive(session, request));
    return { status: 202, headers: session.headers };
  }

  /** PUT: the last bytes, if any, and the digest of all of them. */
  async complete(request: RoutedRequest): Promise<RegistryResponse> {
    const session = this.find(request);
    const digest = assertDigest(request.query.get('digest') ?? '');
    await session.exclusive(async () => {
      session.expect(digest);
      await this.receive(session, request);
      // From here on it becomes a blob or nothing: after a wrong digest the session is gone, as in distribution.
      this.sessions.delete(session.id);
      await session.commit(digest);
    });
    return created(session.repository, digest);
  }

  /** DELETE: cancels. Source: distribution-spec, end-14, and distribution. */
  async cancel(request: RoutedRequest): Promise<RegistryResponse> {
    const session = this.find(request);
    this.sessions.delete(session.id);
    await session.cancel();
    return { status: 204, headers: {} };
  }

  /** Clients go away without a word, and what they leave behind holds memory, or a file. */
  private async dropIdle(): Promise<void> {
    const idle = [...this.sessions.values()].filter(({ idleTime }) => idleTime > MAX_IDLE_TIME);
    for (const session of idle) this.sessions.delete(session.id);
    await Promise.all(idle.map((session) => session.cancel()));
  }

  /** What names no blob that is there mounts nothing, and an upload starts: distribution-spec v1.1, "Mounting a blob". */
  private async mount(repository: string, digest: string | null, from: string | null): Promise<string | undefined> {
    if (!isDigest(digest) || (from !== null && !isRepository(from))) return undefined;
    return (await this.store.mountBlob(repository, digest, from ?? undefined)) ? digest : undefined;
  }

  private async takeWhole(session: UploadSession, { body }: RoutedRequest, digest: string): Promise<RegistryResponse> {
    session.expect(digest);
    try {
      await session.append(body);
    } catch (error) {
      await session.cancel();
      throw error;
    }
    await session.commit(digest);
    return created(session.repository, digest);
  }

  private async receive(session: UploadSession, { headers, body }: RoutedRequest): Promise<void> {
    const range = chunkRange(headers['content-range']);
    if (range === undefined) return session.append(body);
    this.assertFits(session, range, headers['content-length']);
    await session.append(body, range.end + 1);
    session.isClosedByShortChunk = range.end - range.start + 1 < this.chunkMinLength;
  }

  private assertFits(session: UploadSession, { start, end }: ByteRange, length: string | undefined): void {
    const { headers } = session;
    if (start !== session.size || end < start) {
      const message = `the chunk ${start}-${end} does not follow the ${session.size} bytes received`;
      throw new Refusal('RANGE_INVALID', message, { headers });
    }
    if (length !== undefined && Number(length) !== end - start + 1) {
      throw new Refusal('SIZE_INVALID', `Content-Range ${start}-${end} but Content-Length ${length}`, { headers });
    }
    if (session.isClosedByShortChunk) {
      const message = `only the last chunk may be shorter than ${this.chunkMinLength} bytes, and one was before this`;
      throw new Refusal('SIZE_INVALID', message, { headers });
    }
  }

  private find({ repository, reference }: RoutedRequest): UploadSession {
    const session = this.sessions.get(reference);
    if (session?.repository !== repository) throw unknownUpload(reference);
    return session;
  }

  private minLengthHeader(): Record<string, string> {
    return this.chunkMinLength > 0 ? { 'oci-chunk-min-length': String(this.chunkMinLength) } : {};
  }
}

/** Source: distribution-spec main, "Pushing a blob", end-4c; not in v1.1 yet. */
function algorithmFrom(name: string | null): DigestAlgorithm {
  if (name === null || name === 'sha256' || name === 'sha512') return name ?? 'sha256';
  throw new Refusal('DIGEST_INVALID', 'the digest-algorithm must be sha256 or sha512', { detail: { name } });
}

function created(repository: string, digest: string): RegistryResponse {
  const location = `/v2/${repository}/blobs/${digest}`;
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}
