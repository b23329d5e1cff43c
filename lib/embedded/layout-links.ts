import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest } from '../oci/digest.js';
import type { RawManifest } from '../oci/manifest.js';
import { createDurably, makeFolder, removeDurably } from './durable-files.js';
import type { LayoutFolder } from './layout-folder.js';

/** What a manifest's link has to say, because the content alone may not: it may have come without a type of its own. */
export interface ManifestLink {
  mediaType: string;
  /** Digest of the manifest this one refers to. */
  subject?: string;
}

interface Links {
  blobs: Set<string>;
  manifests: Map<string, ManifestLink>;
}

/**
 * Which repository holds which content: a file for each, empty for a blob, so that a push costs the same however much there
 * is already. All of it is read at the start; whatever is in memory is on the disk.
 */
export class LayoutLinks {
  private readonly repositories = new Map<string, Links>();

  private constructor(private readonly folder: LayoutFolder) {}

  static async open(folder: LayoutFolder): Promise<LayoutLinks> {
    const links = new LayoutLinks(folder);
    for (const entry of await readdir(folder.repositoriesPath, { withFileTypes: true })) {
      if (entry.isDirectory()) await links.load(entry.name.replaceAll('+', '/'));
    }
    return links;
  }

  hasBlob(repository: string, digest: string): boolean {
    return this.repositories.get(repository)?.blobs.has(digest) ?? false;
  }

  manifest(repository: string, digest: string): ManifestLink | undefined {
    return this.repositories.get(repository)?.manifests.get(digest);
  }

  /** The digests of the repository's manifests with this subject. */
  referrers(repository: string, subject: string): string[] {
    const manifests = [...(this.repositories.get(repository)?.manifests ?? [])];
    return manifests.filter(([, link]) => link.subject === subject).map(([digest]) => digest);
  }

  /** Repositories that hold anything. */
  names(): string[] {
    return [...this.repositories].filter(([, links]) => isHolding(links)).map(([name]) => name);
  }

  has(repository: string): boolean {
    const links = this.repositories.get(repository);
    return links !== undefined && isHolding(links);
  }

  /** Whether any repository holds the blob. */
  isBlobAnywhere(digest: string): boolean {
    return [...this.repositories.values()].some(({ blobs }) => blobs.has(digest));
  }

  /** Whether any repository holds the content, as a blob or as a manifest. */
  isAnywhere(digest: string): boolean {
    return [...this.repositories.values()].some(({ blobs, manifests }) => blobs.has(digest) || manifests.has(digest));
  }

  async addBlob(repository: string, digest: string): Promise<void> {
    const { blobs } = await this.open(repository);
    if (blobs.has(digest)) return;
    await createDurably(this.path(repository, 'blobs', digest));
    blobs.add(digest);
  }

  async addManifest(repository: string, { descriptor, manifest }: RawManifest): Promise<void> {
    const { digest, mediaType } = descriptor;
    const link = { mediaType, ...(manifest.subject === undefined ? {} : { subject: manifest.subject.digest }) };
    const { manifests } = await this.open(repository);
    if (manifests.get(digest)?.mediaType === mediaType) return;
    await this.folder.write(this.path(repository, 'manifests', digest), JSON.stringify(link));
    manifests.set(digest, link);
  }

  async removeBlob(repository: string, digest: string): Promise<void> {
    await removeDurably(this.path(repository, 'blobs', digest));
    this.repositories.get(repository)?.blobs.delete(digest);
  }

  async removeManifest(repository: string, digest: string): Promise<void> {
    await removeDurably(this.path(repository, 'manifests', digest));
    this.repositories.get(repository)?.manifests.delete(digest);
  }

  private async open(repository: string): Promise<Links> {
    const known = this.repositories.get(repository);
    if (known !== undefined) return known;
    for (const kind of ['blobs', 'manifests']) await makeFolder(join(this.folder.repositoryPath(repository), kind));
    // Another request may have been faster.
    const links = this.repositories.get(repository) ?? { blobs: new Set(), manifests: new Map() };
    this.repositories.set(repository, links);
    return links;
  }

  private async load(repository: string): Promise<void> {
    const { blobs, manifests } = await this.open(repository);
    for (const digest of await this.digests(repository, 'blobs')) blobs.add(digest);
    for (const digest of await this.digests(repository, 'manifests')) {
      const text = await readFile(this.path(repository, 'manifests', digest), 'utf8');
      manifests.set(digest, JSON.parse(text) as ManifestLink);
    }
  }

  private async digests(repository: string, kind: string): Promise<string[]> {
    const names = await readdir(join(this.folder.repositoryPath(repository), kind));
    return names.map((name) => name.replace('-', ':')).filter(isDigest);
  }

  private path(repository: string, kind: string, digest: string): string {
    return join(this.folder.repositoryPath(repository), kind, digest.replace(':', '-'));
  }
}

function isHolding({ blobs, manifests }: Links): boolean {
  return blobs.size + manifests.size > 0;
}
