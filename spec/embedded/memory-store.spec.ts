import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import { commitBlob, describeStore, manifestOf } from '../contract/describe-store.js';

describeStore(
  'MemoryStore',
  () => Promise.resolve(new MemoryStore()),
  () => Promise.resolve(),
);

describe('MemoryStore', () => {
  it('keeps a blob once for several repositories', async () => {
    const store = new MemoryStore();
    const digest = await commitBlob(store, 'one', 'content');
    await commitBlob(store, 'two', 'content');
    store.mountBlob('three', digest, 'one');
    expect(store.getBlob('two', digest)).toBe(store.getBlob('one', digest));
    expect(store.getBlob('three', digest)).toBe(store.getBlob('one', digest));
  });

  it('lets who has a blob read it when it is deleted', async () => {
    const store = new MemoryStore();
    const digest = await commitBlob(store, 'app', 'content');
    const blob = store.getBlob('app', digest);
    store.deleteBlob('app', digest);
    expect(await text(blob!.read())).toBe('content');
  });

  it('gives back the manifest it got', () => {
    const store = new MemoryStore();
    const manifest = manifestOf();
    store.putManifest('app', manifest, 'v1');
    expect(store.getManifest('app', manifest.descriptor.digest)).toBe(manifest);
  });

  it('drops the bytes of what is discarded', async () => {
    const writer = new MemoryStore().createBlob();
    await writer.write(Buffer.from('content'));
    await writer.discard();
    expect(await text(writer.read())).toBe('');
  });
});
