import type { RawManifest } from '../oci/manifest.js';
import { MemoryBlob } from './memory-blob.js';
import type { BlobWriter, Store, StoredBlob } from './store.js';

interface Repository {
  blobs: Map<string, MemoryBlob>;
  manifests: Map<string, RawManifest>;
  tags: Map<string, string>;
}

/** Keeps everything in memory for as long as the object lives. Equal blobs of several repositories are kept once. */
export class MemoryStore implements Store {
  private readonly repositories = new Map<string, Repository>();

  createBlob(): BlobWriter {
    const blob = new MemoryBlob();
    return {
      write: (chunk) => blob.append(chunk),
      read: () => blob.read(),
      commit: (repository, digest) => {
        this.open(repository).blobs.set(digest, this.findBlob(digest) ?? blob);
      },
      discard: () => blob.clear(),
    };
  }

  getBlob(repository: string, digest: string): StoredBlob | undefined {
    return this.blobOf(repository, digest);
  }

  mountBlob(repository: string, digest: string, from?: string): boolean {
    const blob = from === undefined ? this.findBlob(digest) : this.blobOf(from, digest);
    if (blob === undefined) return false;
    this.open(repository).blobs.set(digest, blob);
    return true;
  }

  deleteBlob(repository: string, digest: string): boolean {
    return this.repositories.get(repository)?.blobs.delete(digest) ?? false;
  }

  getManifest(repository: string, digest: string): RawManifest | undefined {
    return this.repositories.get(repository)?.manifests.get(digest);
  }

  putManifest(repository: string, manifest: RawManifest, ...tags: string[]): void {
    const { digest } = manifest.descriptor;
    const content = this.open(repository);
    content.manifests.set(digest, manifest);
    for (const tag of tags) content.tags.set(tag, digest);
  }

  deleteManifest(repository: string, digest: string): boolean {
    const content = this.repositories.get(repository);
    if (content === undefined) return false;
    for (const [tag, target] of content.tags) if (target === digest) content.tags.delete(tag);
    return content.manifests.delete(digest);
  }

  listReferrers(repository: string, subject: string): RawManifest[] {
    const manifests = [...(this.repositories.get(repository)?.manifests.values() ?? [])];
    return manifests.filter(({ manifest }) => manifest.subject?.digest === subject);
  }

  resolveTag(repository: string, tag: string): string | undefined {
    return this.repositories.get(repository)?.tags.get(tag);
  }

  deleteTag(repository: string, tag: string): boolean {
    return this.repositories.get(repository)?.tags.delete(tag) ?? false;
  }

  listTags(repository: string): string[] {
    return [...(this.repositories.get(repository)?.tags.keys() ?? [])];
  }

  hasRepository(repository: string): boolean {
    const content = this.repositories.get(repository);
    return content !== undefined && content.blobs.size + content.manifests.size > 0;
  }

  listRepositories(): string[] {
    return [...this.repositories.keys()].filter((name) => this.hasRepository(name));
  }

  private open(name: string): Repository {
    const known = this.repositories.get(name);
    if (known !== undefined) return known;
    const created: Repository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, created);
    return created;
  }

  private blobOf(repository: string, digest: string): MemoryBlob | undefined {
    return this.repositories.get(repository)?.blobs.get(digest);
  }

  private findBlob(digest: string): MemoryBlob | undefined {
    for (const { blobs } of this.repositories.values()) {
      const blob = blobs.get(digest);
      if (blob !== undefined) return blob;
    }
    return undefined;
  }
}
