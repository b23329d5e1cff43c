import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, type ImageManifest, type RawManifest } from '../../lib/oci/manifest.js';
import { descriptorOf, OCI_MANIFEST } from '../contract/caller.js';

async function commit(store: MemoryStore, repository: string, content: string): Promise<string> {
  const writer = store.createBlob();
  await writer.write(Buffer.from(content));
  await writer.commit(repository, digestOf(content));
  return digestOf(content);
}

function manifestOf(extra: Partial<ImageManifest> = {}): RawManifest {
  const config = descriptorOf('application/vnd.oci.image.config.v1+json', '{}');
  return encodeManifest({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], ...extra });
}

describe('MemoryStore', () => {
  describe('blobs', () => {
    it('are nowhere until they are committed', async () => {
      const store = new MemoryStore();
      const writer = store.createBlob();
      await writer.write(Buffer.from('content'));
      expect(store.listRepositories()).toEqual([]);
      expect(await text(writer.read())).toBe('content');
      await writer.commit('app', digestOf('content'));
      expect(store.getBlob('app', digestOf('content'))?.size).toBe(7);
      expect(store.getBlob('other', digestOf('content'))).toBeUndefined();
    });

    it('are kept once for several repositories', async () => {
      const store = new MemoryStore();
      const digest = await commit(store, 'one', 'content');
      await commit(store, 'two', 'content');
      store.mountBlob('three', digest, 'one');
      expect(store.getBlob('two', digest)).toBe(store.getBlob('one', digest));
      expect(store.getBlob('three', digest)).toBe(store.getBlob('one', digest));
    });

    it('stay in the other repositories when one lets them go', async () => {
      const store = new MemoryStore();
      const digest = await commit(store, 'one', 'content');
      store.mountBlob('two', digest);
      expect(store.deleteBlob('one', digest)).toBe(true);
      expect(store.deleteBlob('one', digest)).toBe(false);
      expect(store.getBlob('two', digest)?.size).toBe(7);
    });

    it('stay readable for who has one when they are deleted', async () => {
      const store = new MemoryStore();
      const digest = await commit(store, 'app', 'content');
      const blob = store.getBlob('app', digest);
      store.deleteBlob('app', digest);
      expect(await text(blob!.read())).toBe('content');
    });

    it('are mounted only from where they are', async () => {
      const store = new MemoryStore();
      const digest = await commit(store, 'one', 'content');
      expect(store.mountBlob('three', digest, 'two')).toBe(false);
      expect(store.mountBlob('three', digestOf('other'))).toBe(false);
      expect(store.hasRepository('three')).toBe(false);
    });

    it('leave nothing when they are discarded', async () => {
      const writer = new MemoryStore().createBlob();
      await writer.write(Buffer.from('content'));
      await writer.discard();
      expect(await text(writer.read())).toBe('');
    });
  });

  describe('manifests', () => {
    it('are found by digest and by tag', () => {
      const store = new MemoryStore();
      const manifest = manifestOf();
      const { digest } = manifest.descriptor;
      store.putManifest('app', manifest, 'v1');
      expect(store.resolveTag('app', 'v1')).toBe(digest);
      expect(store.getManifest('app', digest)).toBe(manifest);
      expect(store.getManifest('other', digest)).toBeUndefined();
    });

    it('take their own tags with them, and no others', () => {
      const store = new MemoryStore();
      const [gone, kept] = [manifestOf(), manifestOf({ annotations: { kept: 'yes' } })];
      store.putManifest('app', gone, 'v1');
      store.putManifest('app', gone, 'latest');
      store.putManifest('app', kept, 'v2');
      expect(store.deleteManifest('app', gone.descriptor.digest)).toBe(true);
      expect(store.deleteManifest('app', gone.descriptor.digest)).toBe(false);
      expect(store.listTags('app')).toEqual(['v2']);
    });

    it('stay when a tag goes', () => {
      const store = new MemoryStore();
      const manifest = manifestOf();
      store.putManifest('app', manifest, 'v1');
      expect(store.deleteTag('app', 'v1')).toBe(true);
      expect(store.deleteTag('app', 'v1')).toBe(false);
      expect(store.getManifest('app', manifest.descriptor.digest)).toBe(manifest);
    });

    it('are found by their subject', () => {
      const store = new MemoryStore();
      const subject = manifestOf().descriptor;
      const referrer = manifestOf({ subject });
      store.putManifest('app', manifestOf());
      store.putManifest('app', referrer);
      expect(store.listReferrers('app', subject.digest)).toEqual([referrer]);
      expect(store.listReferrers('app', referrer.descriptor.digest)).toEqual([]);
    });
  });

  it('has a repository while that holds a blob or a manifest', async () => {
    const store = new MemoryStore();
    const digest = await commit(store, 'app', 'content');
    const manifest = manifestOf();
    store.putManifest('app', manifest);
    store.deleteBlob('app', digest);
    expect([store.hasRepository('app'), store.listRepositories()]).toEqual([true, ['app']]);
    store.deleteManifest('app', manifest.descriptor.digest);
    expect([store.hasRepository('app'), store.listRepositories()]).toEqual([false, []]);
  });

  it('answers questions about a repository that never was', () => {
    const store = new MemoryStore();
    const digest = digestOf('content');
    expect([
      store.deleteBlob('app', digest),
      store.deleteManifest('app', digest),
      store.deleteTag('app', 'v1'),
    ]).toEqual([false, false, false]);
    expect([store.listTags('app'), store.listReferrers('app', digest), store.resolveTag('app', 'v1')]).toEqual([
      [],
      [],
      undefined,
    ]);
    expect(store.listRepositories()).toEqual([]);
  });
});
