import { randomBytes } from 'node:crypto';
import { NotFoundError, RegistryClientError } from '../errors.js';
import { isIndex, type RawManifest } from '../oci/manifest.js';
import { assertRepository } from '../oci/reference.js';
import type { RegistryClient } from '../registry-client.js';

/** Something that is still there, and why. */
export interface LeftOver {
  /** `repository@digest`, or the repository alone when its tags could not be listed. */
  reference: string;
  /** What the registry said to the deletion. */
  reason: string;
}

/** What became of a clean-up. */
export interface CleanUp {
  /** Digests of the manifests that are gone. */
  deleted: readonly string[];
  /** Not every registry deletes. */
  left: readonly LeftOver[];
}

/** A repository of one test, in a registry that others use too. */
export class IsolatedRepository {
  /** `<prefix>-<12 hexadecimal digits>`. */
  readonly name: string;

  /** Use {@link isolatedRepository}. */
  constructor(
    private readonly client: RegistryClient,
    prefix: string,
  ) {
    this.name = assertRepository(`${prefix}-${randomBytes(6).toString('hex')}`);
  }

  /**
   * Deletes every manifest that has a tag, and those an index names. Never fails because of the registry: a test that passed
   * must not fail for want of permission to delete, so the result tells what is left. Blobs go when the registry collects garbage.
   */
  async cleanUp(): Promise<CleanUp> {
    const deleted = new Set<string>();
    const left: LeftOver[] = [];
    await tolerant(this.name, left, async () => {
      for (const [digest, tags] of await this.tagged()) await this.deleteAll(digest, tags, deleted, left);
    });
    return { deleted: [...deleted], left };
  }

  /** Cleans up; what is left is told by a warning of the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { left } = await this.cleanUp();
    const reasons = left.map(({ reference, reason }) => `${reference}: ${reason}`);
    if (reasons.length > 0) process.emitWarning(`${this.name} is not cleaned up\n${reasons.join('\n')}`);
  }

  /** Tags by the digest they are on; none when nothing was ever pushed. */
  private async tagged(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for await (const tag of this.client.listTags(this.name)) {
      const digest = (await this.client.resolve(this.name, tag))?.digest;
      if (digest !== undefined) found.set(digest, [...(found.get(digest) ?? []), tag]);
    }
    return found;
  }

  /** An index before what it names: some registries keep what is still named. */
  private async deleteAll(
    digest: string,
    tags: readonly string[],
    deleted: Set<string>,
    left: LeftOver[],
  ): Promise<void> {
    if (deleted.has(digest)) return;
    await tolerant(`${this.name}@${digest}`, left, async () => {
      const children = childrenOf(await this.client.getManifest(this.name, digest));
      await this.delete(digest, tags);
      deleted.add(digest);
      for (const child of children) await this.deleteAll(child, [], deleted, left);
    });
  }

  private async delete(digest: string, tags: readonly string[]): Promise<void> {
    try {
      await this.client.deleteImageByDigest(this.name, digest);
    } catch (error) {
      if (!RegistryClientError.is(error) || tags.length === 0) throw error;
      // Google's registries delete nothing that has a tag, and delete tags.
      for (const tag of tags) await this.client.deleteTag(this.name, tag);
      await this.client.deleteImageByDigest(this.name, digest);
    }
  }
}

/**
 * A repository name that nobody has used, and its end, for tests against a registry that is there already:
 *
 * ```ts
 * await using repository = isolatedRepository(client);
 * await client.push('app.tar', `${repository.name}:1.0`);
 * ```
 * @param prefix - default `test`
 * @throws InvalidArgumentError when the prefix cannot begin a repository name
 */
export function isolatedRepository(client: RegistryClient, prefix = 'test'): IsolatedRepository {
  return new IsolatedRepository(client, prefix);
}

function childrenOf({ manifest }: RawManifest): string[] {
  return isIndex(manifest) ? manifest.manifests.map(({ digest }) => digest) : [];
}

async function tolerant(reference: string, left: LeftOver[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof NotFoundError) return;
    if (!RegistryClientError.is(error)) throw error;
    left.push({ reference, reason: error.message });
  }
}
