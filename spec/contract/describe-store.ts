import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Store } from '../../lib/embedded/store.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type ImageManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { descriptorOf, OCI_MANIFEST } from './caller.js';

/** Puts a blob into a store. @returns its digest */
export async function commitBlob(store: Store, repository: string, content: string): Promise<string> {
  const writer = await store.createBlob();
  await writer.write(Buffer.from(content));
  await writer.commit(repository, digestOf(content));
  return digestOf(content);
}

export function manifestOf(extra: Partial<ImageManifest> = {}): RawManifest {
  const config = descriptorOf('application/vnd.oci.image.config.v1+json', '{}');
  return encodeManifest({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], ...extra });
}

/** What every store does, however it keeps things. */
export function describeStore(name: string, open: () => Promise<Store>, close: (store: Store) => Promise<void>): void {
  describe(`${name} as a store`, () => {
    let store: Store;

    beforeEach(async () => {
      store = await open();
    });

    afterEach(() => close(store));

    const contentOf = async (repository: string, digest: string): Promise<string | undefined> => {
      const blob = await store.getBlob(repository, digest);
      return blob && text(blob.read());
    };

    describe('a blob', () => {
      it('is nowhere until it is committed', async () => {
        const writer = await store.createBlob();
        await writer.write(Buffer.from('con'));
        await writer.write(Buffer.from('tent'));
        expect(await store.listRepositories()).toEqual([]);
        expect(await text(writer.read())).toBe('content');
        await writer.commit('app', digestOf('content'));
        expect((await store.getBlob('app', digestOf('content')))?.size).toBe(7);
        expect(await contentOf('app', digestOf('content'))).toBe('content');
        expect(await store.getBlob('other', digestOf('content'))).toBeUndefined();
      });

      it('may be empty', async () => {
        const digest = await commitBlob(store, 'app', '');
        expect([(await store.getBlob('app', digest))?.size, await contentOf('app', digest)]).toEqual([0, '']);
        const writer = await store.createBlob();
        expect(await text(writer.read())).toBe('');
        await writer.discard();
      });

      it('may be under a sha512 digest', async () => {
        const writer = await store.createBlob();
        await writer.write(Buffer.from('content'));
        await writer.commit('app', digestOf('content', 'sha512'));
        expect(await contentOf('app', digestOf('content', 'sha512'))).toBe('content');
        expect(await contentOf('app', digestOf('content'))).toBeUndefined();
      });

      it('is read in part', async () => {
        const blob = await store.getBlob('app', await commitBlob(store, 'app', '0123456789'));
        expect(await text(blob!.read({ start: 2, end: 4 }))).toBe('234');
        expect(await text(blob!.read({ start: 9, end: 9 }))).toBe('9');
      });

      it('may be committed twice', async () => {
        const digest = await commitBlob(store, 'app', 'content');
        await commitBlob(store, 'app', 'content');
        expect(await contentOf('app', digest)).toBe('content');
      });

      it('stays in other repositories when one lets it go', async () => {
        const digest = await commitBlob(store, 'one', 'content');
        expect(await store.mountBlob('two', digest)).toBe(true);
        expect(await store.mountBlob('three', digest, 'one')).toBe(true);
        expect(await store.deleteBlob('one', digest)).toBe(true);
        expect(await store.deleteBlob('one', digest)).toBe(false);
        expect([await contentOf('two', digest), await contentOf('three', digest)]).toEqual(['content', 'content']);
      });

      it('can be pushed again after it was deleted', async () => {
        const digest = await commitBlob(store, 'app', 'content');
        await store.deleteBlob('app', digest);
        expect(await contentOf('app', digest)).toBeUndefined();
        await commitBlob(store, 'app', 'content');
        expect(await contentOf('app', digest)).toBe('content');
      });

      it('is mounted only from where it is', async () => {
        const digest = await commitBlob(store, 'one', 'content');
        expect(await store.mountBlob('three', digest, 'two')).toBe(false);
        expect(await store.mountBlob('three', digestOf('other'))).toBe(false);
        expect(await store.hasRepository('three')).toBe(false);
      });

      it('keeps being whole when it is pushed, mounted and deleted at once', async () => {
        const digest = await commitBlob(store, 'one', 'content');
        const busy = Array.from({ length: 20 }, async (_, i) => {
          const pushed = commitBlob(store, `repository${i}`, 'content');
          await store.mountBlob(`mounted${i}`, digest);
          await store.deleteBlob(`repository${i - 1}`, digest);
          await pushed;
        });
        await Promise.all(busy);
        for (const repository of await store.listRepositories()) {
          expect([repository, await contentOf(repository, digest)]).toEqual([repository, 'content']);
        }
      });

      it('goes on being read when it is deleted meanwhile', async () => {
        const content = 'x'.repeat(3_000_000);
        const blob = await store.getBlob('app', await commitBlob(store, 'app', content));
        const chunks = blob!.read().iterator() as AsyncIterableIterator<Buffer>;
        let size = ((await chunks.next()).value as Buffer).length;
        await store.deleteBlob('app', digestOf(content));
        for await (const chunk of chunks) size += chunk.length;
        expect(size).toBe(3_000_000);
      });

      it('leaves nothing when it is discarded, however often', async () => {
        const writer = await store.createBlob();
        await writer.write(Buffer.from('content'));
        await writer.discard();
        await writer.discard();
        expect(await store.listRepositories()).toEqual([]);
      });
    });

    describe('a manifest', () => {
      it('is found by digest and by tag, byte for byte', async () => {
        const manifest = manifestOf();
        const { digest } = manifest.descriptor;
        await store.putManifest('app', manifest, 'v1');
        expect(await store.resolveTag('app', 'v1')).toBe(digest);
        expect(await store.getManifest('app', digest)).toEqual(manifest);
        expect(await store.getManifest('other', digest)).toBeUndefined();
      });

      it('may be under a sha512 digest', async () => {
        const manifest = manifestOf();
        const digest = digestOf(manifest.bytes, 'sha512');
        const longer = { ...manifest, descriptor: { ...manifest.descriptor, digest } };
        await store.putManifest('app', longer, 'v1');
        expect(await store.resolveTag('app', 'v1')).toBe(digest);
        expect(await store.getManifest('app', digest)).toEqual(longer);
      });

      it('is no blob, though a blob may have the same bytes', async () => {
        const manifest = manifestOf();
        const { digest } = manifest.descriptor;
        await store.putManifest('app', manifest);
        expect(await store.getBlob('app', digest)).toBeUndefined();
        await commitBlob(store, 'app', manifest.bytes.toString());
        expect(await store.deleteManifest('app', digest)).toBe(true);
        expect(await contentOf('app', digest)).toBe(manifest.bytes.toString());
      });

      it('takes its own tags with it, and no others', async () => {
        const [gone, kept] = [manifestOf(), manifestOf({ annotations: { kept: 'yes' } })];
        await store.putManifest('app', gone, 'v1');
        await store.putManifest('app', gone, 'latest');
        await store.putManifest('app', kept, 'v2');
        await store.putManifest('other', gone, 'v1');
        expect(await store.deleteManifest('app', gone.descriptor.digest)).toBe(true);
        expect(await store.deleteManifest('app', gone.descriptor.digest)).toBe(false);
        expect([await store.listTags('app'), await store.listTags('other')]).toEqual([['v2'], ['v1']]);
        expect(await store.getManifest('other', gone.descriptor.digest)).toEqual(gone);
      });

      it('stays when a tag goes', async () => {
        const manifest = manifestOf();
        await store.putManifest('app', manifest, 'v1');
        expect(await store.deleteTag('app', 'v1')).toBe(true);
        expect(await store.deleteTag('app', 'v1')).toBe(false);
        expect(await store.getManifest('app', manifest.descriptor.digest)).toEqual(manifest);
      });

      it('gives a tag up to the next one', async () => {
        const next = manifestOf({ annotations: { next: 'yes' } });
        await store.putManifest('app', manifestOf(), 'latest');
        await store.putManifest('app', next, 'latest');
        expect(await store.resolveTag('app', 'latest')).toBe(next.descriptor.digest);
        expect(await store.listTags('app')).toEqual(['latest']);
      });

      it('is found by its subject', async () => {
        const subject = manifestOf().descriptor;
        const referrer = manifestOf({ subject });
        await store.putManifest('app', manifestOf());
        await store.putManifest('app', referrer);
        expect(await store.listReferrers('app', subject.digest)).toEqual([referrer]);
        expect(await store.listReferrers('app', referrer.descriptor.digest)).toEqual([]);
        await store.deleteManifest('app', referrer.descriptor.digest);
        expect(await store.listReferrers('app', subject.digest)).toEqual([]);
      });

      it('gets all of the tags that are put at once', async () => {
        const tags = Array.from({ length: 50 }, (_, i) => `v${i}`);
        await Promise.all(tags.map(async (tag) => store.putManifest('app', manifestOf({ annotations: { tag } }), tag)));
        expect([...(await store.listTags('app'))].sort()).toEqual([...tags].sort());
      });
    });

    describe('a repository', () => {
      it('is there while it holds a blob or a manifest', async () => {
        const digest = await commitBlob(store, 'app', 'content');
        const manifest = manifestOf();
        await store.putManifest('app', manifest);
        await store.deleteBlob('app', digest);
        expect([await store.hasRepository('app'), await store.listRepositories()]).toEqual([true, ['app']]);
        await store.deleteManifest('app', manifest.descriptor.digest);
        expect([await store.hasRepository('app'), await store.listRepositories()]).toEqual([false, []]);
      });

      it('is not mistaken for one whose name begins alike, or goes on below', async () => {
        await store.putManifest('team/app', manifestOf(), 'v1');
        await store.putManifest('team/app/blobs', manifestOf(), 'v2');
        await store.putManifest('team', manifestOf(), 'v3');
        expect([...(await store.listRepositories())].sort()).toEqual(['team', 'team/app', 'team/app/blobs']);
        expect([await store.listTags('team'), await store.listTags('team/app')]).toEqual([['v3'], ['v1']]);
      });

      it('that never was has nothing', async () => {
        const digest = digestOf('content');
        expect(await store.deleteBlob('app', digest)).toBe(false);
        expect(await store.deleteManifest('app', digest)).toBe(false);
        expect(await store.deleteTag('app', 'v1')).toBe(false);
        expect([await store.listTags('app'), await store.listReferrers('app', digest)]).toEqual([[], []]);
        expect(await store.resolveTag('app', 'v1')).toBeUndefined();
        expect(await store.listRepositories()).toEqual([]);
      });
    });
  });
}
