import { readFile } from 'node:fs/promises';
import type { Descriptor } from '../oci/descriptor.js';
import { isIndex, parseManifest } from '../oci/manifest.js';
import { MediaType } from '../oci/media-types.js';
import { assertRepository, assertTag } from '../oci/reference.js';
import { type LayoutFolder, unlessMissing, unusable } from './layout-folder.js';

/** Source: image-spec v1.1 annotations.md, "Pre-Defined Annotation Keys". */
const REF_NAME = 'org.opencontainers.image.ref.name';

/** Repository, tag and what the tag points at. */
export interface Tagged {
  repository: string;
  tag: string;
  descriptor: Descriptor;
}

type Tags = Map<string, Tagged>;

/**
 * The tags of all repositories: they are `index.json` and nothing else, each an entry named `repository:tag`, because that is
 * where other tools look for them and put them. Entries with other names are kept as they are.
 */
export class LayoutIndex {
  private changes: ((tags: Tags) => void)[] = [];
  private current: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  private constructor(
    private readonly folder: LayoutFolder,
    private tags: Tags,
    private readonly others: readonly Descriptor[],
  ) {}

  /** @throws InvalidArgumentError when `index.json` is not an index. */
  static async open(folder: LayoutFolder): Promise<LayoutIndex> {
    const tags: Tags = new Map();
    const others: Descriptor[] = [];
    for (const descriptor of await readEntries(folder)) {
      const tagged = taggedBy(descriptor);
      if (tagged === undefined) others.push(descriptor);
      // Of two entries with one name the first counts, as in containers/image.
      else if (!tags.has(keyOf(tagged))) tags.set(keyOf(tagged), tagged);
    }
    const index = new LayoutIndex(folder, tags, others);
    if ((await unlessMissing(readFile(folder.indexPath))) === undefined) await index.save(tags);
    return index;
  }

  /** Whether entries name content that no repository holds. */
  get hasOthers(): boolean {
    return this.others.length > 0;
  }

  get(repository: string, tag: string): Descriptor | undefined {
    return this.tags.get(keyOf({ repository, tag }))?.descriptor;
  }

  list(repository: string): string[] {
    return [...this.tags.values()].filter((tagged) => tagged.repository === repository).map(({ tag }) => tag);
  }

  all(): Tagged[] {
    return [...this.tags.values()];
  }

  /** Points tags at a manifest. */
  set(repository: string, names: readonly string[], { mediaType, digest, size }: Descriptor): Promise<void> {
    return this.change((tags) => {
      for (const tag of names) {
        const key = keyOf({ repository, tag });
        tags.set(key, { repository, tag, descriptor: { mediaType, digest, size, annotations: { [REF_NAME]: key } } });
      }
    });
  }

  delete(repository: string, tag: string): Promise<void> {
    return this.change((tags) => tags.delete(keyOf({ repository, tag })));
  }

  /** Deletes every tag of the repository on this digest. */
  async deleteAll(repository: string, digest: string): Promise<void> {
    const isMeant = (tagged: Tagged): boolean =>
      tagged.repository === repository && tagged.descriptor.digest === digest;
    if (!this.all().some(isMeant)) return;
    await this.change((tags) => {
      for (const [key, tagged] of tags) if (isMeant(tagged)) tags.delete(key);
    });
  }

  /** Changes that come while the file is written are written together. Nobody sees a change before it is on the disk. */
  private change(change: (tags: Tags) => void): Promise<void> {
    this.changes.push(change);
    this.next ??= this.current.then(() => this.apply());
    return this.next;
  }

  private apply(): Promise<void> {
    const { changes } = this;
    [this.changes, this.next] = [[], undefined];
    const work = this.applyAll(changes);
    this.current = work.catch(() => {});
    return work;
  }

  private async applyAll(changes: readonly ((tags: Tags) => void)[]): Promise<void> {
    const tags: Tags = new Map(this.tags);
    for (const change of changes) change(tags);
    await this.save(tags);
    this.tags = tags;
  }

  private save(tags: Tags): Promise<void> {
    const manifests = [...this.others, ...[...tags.values()].map(({ descriptor }) => descriptor)];
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
    return this.folder.write(this.folder.indexPath, JSON.stringify(index));
  }
}

async function readEntries(folder: LayoutFolder): Promise<readonly Descriptor[]> {
  const bytes = await unlessMissing(readFile(folder.indexPath));
  if (bytes === undefined) return [];
  try {
    const { manifest } = parseManifest(bytes, MediaType.ociIndex);
    return isIndex(manifest) ? manifest.manifests : [];
  } catch (cause) {
    throw unusable(folder.root, 'its index.json is not an image index', cause);
  }
}

function keyOf({ repository, tag }: Pick<Tagged, 'repository' | 'tag'>): string {
  return `${repository}:${tag}`;
}

function taggedBy(descriptor: Descriptor): Tagged | undefined {
  const [repository = '', tag = '', ...rest] = (descriptor.annotations?.[REF_NAME] ?? '').split(':');
  if (rest.length > 0) return undefined;
  try {
    return { repository: assertRepository(repository), tag: assertTag(tag), descriptor };
  } catch {
    return undefined;
  }
}
