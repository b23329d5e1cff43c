import { RegistryClientError } from '../errors.js';
import { parseManifest, type RawManifest } from '../oci/manifest.js';
import { moveDurably } from './durable-files.js';
import { FileWriter, type Keep, readFileRange } from './file-writer.js';
import { FolderLock } from './folder-lock.js';
import { adoptTagged } from './layout-adoption.js';
import { LayoutFolder } from './layout-folder.js';
import { LayoutIndex } from './layout-index.js';
import { LayoutLinks } from './layout-links.js';
import type { BlobWriter, Store, StoredBlob } from './store.js';
import { Turns } from './turns.js';

/**
 * Keeps everything in a folder that is an OCI image layout, so that other tools read it: blobs and manifests under
 * `blobs/`, tags in `index.json` as `repository:tag`. Which repository holds what is kept beside it, under `registry/`.
 * What a call has returned from is on the disk and survives the end of the process; what it has not is not there, or
 * whole. One store has a folder for itself, from `open` to `close`.
 */
export class LayoutStore implements Store {
  /** Work on one digest is done in turn, so that no content is removed while it gets another holder. */
  private readonly turns = new Turns();
  private readonly unfinished = new Set<FileWriter>();
  private isClosed = false;

  private constructor(
    private readonly folder: LayoutFolder,
    private readonly lock: FolderLock,
    private readonly index: LayoutIndex,
    private readonly links: LayoutLinks,
  ) {}

  /**
   * Opens a folder, or makes it. Images that other tools have put into `index.json` as `repository:tag` are served, too.
   * @throws InvalidArgumentError NOT_A_LAYOUT when the folder holds something else; FOLDER_IN_USE while another store,
   * in this or another process, has it.
   */
  static async open(path: string): Promise<LayoutStore> {
    const folder = await LayoutFolder.at(path);
    const lock = await FolderLock.acquire(folder.lockPath);
    try {
      await folder.prepare();
      const [index, links] = [await LayoutIndex.open(folder), await LayoutLinks.open(folder)];
      await adoptTagged(folder, index, links);
      return new LayoutStore(folder, lock, index, links);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Lets others have the folder. Uploads under way are lost, what else is being written is finished, and whoever writes
   * after that fails: it is for when the registry takes no more requests.
   */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.unfinished].map((writer) => writer.discard()));
    await this.turns.settle();
    await this.lock.release();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  createBlob(): BlobWriter {
    this.assertOpen();
    const keep: Keep = (path, repository, digest) =>
      this.change(digest, async () => {
        await moveDurably(path, this.folder.contentPath(digest));
        await this.links.addBlob(repository, digest);
      });
    return new FileWriter(this.folder.temporaryPath(), keep, this.unfinished);
  }

  async getBlob(repository: string, digest: string): Promise<StoredBlob | undefined> {
    if (!this.links.hasBlob(repository, digest)) return undefined;
    const size = await this.folder.contentSize(digest);
    if (size === undefined) return undefined;
    const path = this.folder.contentPath(digest);
    return { size, read: (range = { start: 0, end: size - 1 }) => readFileRange(path, range) };
  }

  mountBlob(repository: string, digest: string, from?: string): Promise<boolean> {
    return this.change(digest, async () => {
      const isThere = from === undefined ? this.links.isBlobAnywhere(digest) : this.links.hasBlob(from, digest);
      if (isThere) await this.links.addBlob(repository, digest);
      return isThere;
    });
  }

  deleteBlob(repository: string, digest: string): Promise<boolean> {
    return this.change(digest, async () => {
      if (!this.links.hasBlob(repository, digest)) return false;
      await this.links.removeBlob(repository, digest);
      await this.removeUnheld(digest);
      return true;
    });
  }

  async getManifest(repository: string, digest: string): Promise<RawManifest | undefined> {
    const link = this.links.manifest(repository, digest);
    const bytes = link && (await this.folder.readContent(digest));
    if (link === undefined || bytes === undefined) return undefined;
    const raw = parseManifest(bytes, link.mediaType);
    return { ...raw, descriptor: { ...raw.descriptor, digest } };
  }

  putManifest(repository: string, manifest: RawManifest, ...tags: string[]): Promise<void> {
    const { bytes, descriptor } = manifest;
    return this.change(descriptor.digest, async () => {
      await this.folder.writeContent(descriptor.digest, bytes);
      await this.links.addManifest(repository, manifest);
      if (tags.length > 0) await this.index.set(repository, tags, descriptor);
    });
  }

  deleteManifest(repository: string, digest: string): Promise<boolean> {
    return this.change(digest, async () => {
      if (this.links.manifest(repository, digest) === undefined) return false;
      await this.index.deleteAll(repository, digest);
      await this.links.removeManifest(repository, digest);
      await this.removeUnheld(digest);
      return true;
    });
  }

  async listReferrers(repository: string, subject: string): Promise<RawManifest[]> {
    const manifests: RawManifest[] = [];
    for (const digest of this.links.referrers(repository, subject)) {
      const manifest = await this.getManifest(repository, digest);
      if (manifest !== undefined) manifests.push(manifest);
    }
    return manifests;
  }

  resolveTag(repository: string, tag: string): string | undefined {
    return this.index.get(repository, tag)?.digest;
  }

  deleteTag(repository: string, tag: string): Promise<boolean> {
    return this.change(`${repository}:${tag}`, async () => {
      if (this.index.get(repository, tag) === undefined) return false;
      await this.index.delete(repository, tag);
      return true;
    });
  }

  listTags(repository: string): string[] {
    return this.index.list(repository);
  }

  hasRepository(repository: string): boolean {
    return this.links.has(repository);
  }

  listRepositories(): string[] {
    return this.links.names();
  }

  private async change<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.assertOpen();
    return this.turns.take(key, work);
  }

  /** Another process may have the folder by now. */
  private assertOpen(): void {
    if (this.isClosed) throw new RegistryClientError('the store is closed', { code: 'STORE_CLOSED' });
  }

  /** Entries of other tools name content no repository holds, so with one of them nothing is removed. */
  private async removeUnheld(digest: string): Promise<void> {
    if (!this.index.hasOthers && !this.links.isAnywhere(digest)) await this.folder.removeContent(digest);
  }
}
