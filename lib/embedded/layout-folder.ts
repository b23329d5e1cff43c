import { randomUUID } from 'node:crypto';
import { readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError } from '../errors.js';
import { algorithmOf, hexOf } from '../oci/digest.js';
import { assertRepository } from '../oci/reference.js';
import { isMissing, makeFolder, removeDurably, writeDurably } from './durable-files.js';

/** Source: image-spec v1.1 image-layout.md, "oci-layout file". */
const VERSION = '1.0.0';

/** What the layout has no place for: which repository holds what, uploads under way, the lock. */
const OURS = 'registry';

/**
 * Where things are in a folder that is an OCI image layout, and how they get there. Every path is made from a digest or a
 * repository name that was checked, so none leaves the folder.
 * Source: image-spec v1.1 image-layout.md.
 */
export class LayoutFolder {
  private constructor(readonly root: string) {}

  /**
   * Takes a folder that is a layout, or is empty, or is not there yet.
   * @throws InvalidArgumentError when it holds something else.
   */
  static async at(path: string): Promise<LayoutFolder> {
    await makeOrRefuse(path, path);
    const folder = new LayoutFolder(await realpath(path));
    await folder.assertLayout();
    await makeOrRefuse(join(folder.root, OURS), path);
    return folder;
  }

  get indexPath(): string {
    return join(this.root, 'index.json');
  }

  get lockPath(): string {
    return join(this.root, OURS, 'lock');
  }

  get repositoriesPath(): string {
    return join(this.root, OURS, 'repositories');
  }

  contentPath(digest: string): string {
    return join(this.root, 'blobs', algorithmOf(digest), hexOf(digest));
  }

  /** One folder for each, beside each other: `team/app` is `team+app`, for no name has a `+` in it. */
  repositoryPath(repository: string): string {
    return join(this.repositoriesPath, assertRepository(repository).replaceAll('/', '+'));
  }

  /** A path for something not finished; what is there when a store opens the folder is swept. */
  temporaryPath(): string {
    return join(this.root, OURS, 'temporary', randomUUID());
  }

  /** Makes it a layout, and removes what an earlier process left unfinished. Only for who has the lock. */
  async prepare(): Promise<void> {
    await rm(join(this.root, OURS, 'temporary'), { recursive: true, force: true });
    for (const folder of ['temporary', 'repositories']) await makeFolder(join(this.root, OURS, folder));
    for (const algorithm of ['sha256', 'sha512']) await makeFolder(join(this.root, 'blobs', algorithm));
    if ((await this.version()) === undefined) {
      await this.write(join(this.root, 'oci-layout'), JSON.stringify({ imageLayoutVersion: VERSION }));
    }
  }

  write(path: string, bytes: Uint8Array | string): Promise<void> {
    return writeDurably(path, bytes, this.temporaryPath());
  }

  /** Nothing is written where content of that size is: nothing gets its name before it is whole. */
  async writeContent(digest: string, bytes: Buffer): Promise<void> {
    if ((await this.contentSize(digest)) !== bytes.length) await this.write(this.contentPath(digest), bytes);
  }

  /** Bytes; undefined when it is not there. */
  async contentSize(digest: string): Promise<number | undefined> {
    return unlessMissing(stat(this.contentPath(digest)).then(({ size }) => size));
  }

  /** All of it, so for manifests only. */
  async readContent(digest: string): Promise<Buffer | undefined> {
    return unlessMissing(readFile(this.contentPath(digest)));
  }

  async removeContent(digest: string): Promise<void> {
    await removeDurably(this.contentPath(digest));
  }

  private async assertLayout(): Promise<void> {
    const version = await this.version();
    if (version === VERSION) return;
    if (version !== undefined) throw unusable(this.root, `its oci-layout is not of version ${VERSION}`);
    const foreign = (await readdir(this.root)).filter((name) => name !== OURS);
    if (foreign.length > 0) throw unusable(this.root, 'it has files in it but no oci-layout');
  }

  private async version(): Promise<unknown> {
    const text = await unlessMissing(readFile(join(this.root, 'oci-layout'), 'utf8'));
    return text === undefined ? undefined : parseVersion(text);
  }
}

async function makeOrRefuse(folder: string, path: string): Promise<void> {
  await makeFolder(folder).catch((cause: NodeJS.ErrnoException) => {
    throw unusable(path, `nothing can be kept there (${cause.code})`, cause);
  });
}

export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function unusable(path: string, problem: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`${path} is no folder a registry can use: ${problem}`, {
    code: 'NOT_A_LAYOUT',
    hint: 'Choose an empty folder, or one that is an OCI image layout.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function parseVersion(text: string): unknown {
  try {
    return (JSON.parse(text) as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion ?? null;
  } catch {
    return null;
  }
}
