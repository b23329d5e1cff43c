import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { LayoutStore } from '../../lib/embedded/layout-store.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import type { Descriptor } from '../../lib/oci/descriptor.js';
import { digestOf, hexOf } from '../../lib/oci/digest.js';
import { Caller, descriptorOf, imageOf, indexOf, OCI_INDEX, OCI_MANIFEST, outcomeOf } from '../contract/caller.js';
import { describeRegistry } from '../contract/describe-registry.js';
import { commitBlob, describeStore, manifestOf } from '../contract/describe-store.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();
afterAll(() => folders.remove());

describeStore(
  'LayoutStore',
  async () => LayoutStore.open(await folders.make()),
  (store) => (store as LayoutStore).close(),
);

describeRegistry('EmbeddedRegistry over a folder', async () => {
  const store = await LayoutStore.open(await folders.make());
  const transport = new EmbeddedTransport(new EmbeddedRegistry({ store }));
  return { url: new URL('http://registry.test'), transport, stop: () => store.close() };
});

describe('LayoutStore', () => {
  const REF_NAME = 'org.opencontainers.image.ref.name';
  let folder: string;

  beforeEach(async () => {
    folder = await folders.make();
  });

  /** Opens the folder as a process would, works with it, and lets it go. */
  async function using<T>(work: (store: LayoutStore, caller: Caller) => Promise<T>): Promise<T> {
    const store = await LayoutStore.open(folder);
    try {
      return await work(store, new Caller(new EmbeddedTransport(new EmbeddedRegistry({ store }))));
    } finally {
      await store.close();
    }
  }

  const temporary = (): string => join(folder, 'registry', 'temporary');
  const file = (...path: string[]): Promise<string> => readFile(join(folder, ...path), 'utf8');
  const blobFile = (content: string): Promise<string> => file('blobs', 'sha256', hexOf(digestOf(content)));
  const jsonIn = async (path: string): Promise<unknown> => JSON.parse(await file(path)) as unknown;
  const entries = async (): Promise<Descriptor[]> =>
    ((await jsonIn('index.json')) as { manifests: Descriptor[] }).manifests;
  const filesBelow = async (): Promise<string[]> => {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map(({ name }) => name);
  };

  describe('the folder', () => {
    it('is made when it is not there, and is an image layout from the start', async () => {
      folder = join(folder, 'new', 'images');
      await using(() => Promise.resolve());
      expect(await jsonIn('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
      expect(await jsonIn('index.json')).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
      expect((await readdir(folder)).sort()).toEqual(['blobs', 'index.json', 'oci-layout', 'registry']);
    });

    it('names every tag as other tools look for it', async () => {
      const pushed = await using(async (_, caller) => {
        const image = await caller.pushImage('team/app', 'v1');
        await caller.pushManifest('team/app', 'latest', JSON.parse(image.bytes.toString()) as object);
        return image;
      });
      expect(await entries()).toEqual([
        { ...pushed.descriptor, annotations: { [REF_NAME]: 'team/app:v1' } },
        { ...pushed.descriptor, annotations: { [REF_NAME]: 'team/app:latest' } },
      ]);
      expect(await blobFile('layer of image')).toBe('layer of image');
      expect(await blobFile(pushed.bytes.toString())).toBe(pushed.bytes.toString());
    });

    it('has no file of an upload that was refused, cancelled or done', async () => {
      await using(async (_, caller) => {
        const before = await filesBelow();
        await caller.call('DELETE', await caller.startUpload('app'));
        const wrong = `${await caller.startUpload('app')}?digest=${digestOf('other')}`;
        expect((await caller.call('PUT', wrong, { body: 'content' })).status).toBe(400);
        expect(await filesBelow()).toEqual(before);
        const digest = await caller.pushBlob('app', 'content');
        expect((await caller.call('DELETE', `/v2/app/blobs/${digest}`)).status).toBe(202);
        expect(await filesBelow()).toEqual(before);
      });
    });

    it('loses content with its last holder, not before', async () => {
      await using(async (store) => {
        const digest = await commitBlob(store, 'one', 'content');
        await store.mountBlob('two', digest);
        await store.deleteBlob('one', digest);
        expect(await blobFile('content')).toBe('content');
        await store.deleteBlob('two', digest);
        await expect(blobFile('content')).rejects.toThrow('ENOENT');
      });
    });

    it.each(['../escaped', '..', 'a/../../b', '/etc', 'A', '', 'a\0b'])(
      'cannot be left with the repository name %j',
      async (name) => {
        await using(async (store) => {
          const writer = store.createBlob();
          await expect(writer.commit(name, digestOf(''))).rejects.toMatchObject({ code: 'NAME_INVALID' });
          await expect(store.putManifest(name, manifestOf(), 'v1')).rejects.toMatchObject({ code: 'NAME_INVALID' });
          expect(await entries()).toEqual([]);
        });
        expect(await readdir(join(folder, 'registry', 'repositories'))).toEqual([]);
      },
    );

    it.each(['sha256:../../escaped', 'sha256:', `md5:${'0'.repeat(32)}`, '../index.json'])(
      'cannot be left with the digest %j',
      async (digest) => {
        await using(async (store) => {
          const writer = store.createBlob();
          await expect(writer.commit('app', digest)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
          expect(await store.getBlob('app', digest)).toBeUndefined();
          expect(await store.deleteBlob('app', digest)).toBe(false);
        });
      },
    );
  });

  describe('opened again', () => {
    it('has what it had', async () => {
      const [image, note] = await using(async (_, caller) => {
        const pushed = await caller.pushImage('team/app', 'v1');
        const subject = pushed.descriptor;
        return [pushed, await caller.pushImage('team/app', 'note', { subject }, 'note')];
      });
      await using(async (store, caller) => {
        expect((await caller.call('GET', '/v2/team/app/manifests/v1')).body.equals(image.bytes)).toBe(true);
        expect(await store.listReferrers('team/app', image.digest)).toMatchObject([
          { descriptor: { digest: note.digest } },
        ]);
        expect(store.listRepositories()).toEqual(['team/app']);
        expect(store.listTags('team/app')).toEqual(['v1', 'note']);
        const blob = await store.getBlob('team/app', digestOf('layer of image'));
        expect(await text(blob!.read())).toBe('layer of image');
        expect(await store.getBlob('other', digestOf('layer of image'))).toBeUndefined();
      });
    });

    it('keeps manifests without a tag, and the type that only their push named', async () => {
      const { mediaType: _, ...unnamed } = imageOf('{}', 'layer');
      const digest = digestOf(JSON.stringify(unnamed));
      await using(async (_store, caller) => {
        await caller.pushBlob('app', '{}');
        await caller.pushBlob('app', 'layer');
        expect((await caller.putManifest('app', digest, unnamed)).status).toBe(201);
      });
      await using(async (store) => {
        expect((await store.getManifest('app', digest))?.descriptor.mediaType).toBe(OCI_MANIFEST);
        expect(await entries()).toEqual([]);
      });
    });

    it('has not what was deleted', async () => {
      await using(async (store, caller) => {
        const { digest } = await caller.pushImage('app', 'v1');
        await caller.pushImage('app', 'v2', {}, 'second');
        await store.deleteTag('app', 'v2');
        await store.deleteManifest('app', digest);
        await store.deleteBlob('app', digestOf('layer of image'));
      });
      await using(async (store, caller) => {
        expect(store.listTags('app')).toEqual([]);
        expect((await caller.call('GET', `/v2/app/blobs/${digestOf('layer of image')}`)).status).toBe(404);
        expect((await caller.call('GET', `/v2/app/blobs/${digestOf('layer of second')}`)).status).toBe(200);
      });
    });

    it('knows no upload of before', async () => {
      const location = await using(async (_, caller) => {
        const started = await caller.startUpload('app');
        await caller.call('PATCH', started, { body: 'half a layer' });
        expect(await readdir(temporary())).toHaveLength(1);
        return started;
      });
      expect(await readdir(temporary())).toEqual([]);
      await using(async (_, caller) => {
        expect(outcomeOf(await caller.call('GET', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      });
    });

    it('has swept what a process left that was killed', async () => {
      await using(() => Promise.resolve());
      await writeFile(join(temporary(), 'upload'), 'half a layer');
      await using(async () => expect(await readdir(temporary())).toEqual([]));
    });

    it('says 404 for content that somebody has removed, and takes it again', async () => {
      await using((_, caller) => caller.pushImage('app', 'v1'));
      await rm(join(folder, 'blobs', 'sha256', hexOf(digestOf('layer of image'))));
      await using(async (_, caller) => {
        const path = `/v2/app/blobs/${digestOf('layer of image')}`;
        expect((await caller.call('HEAD', path)).status).toBe(404);
        await caller.pushBlob('app', 'layer of image');
        expect((await caller.call('GET', path)).body.toString()).toBe('layer of image');
      });
    });
  });

  describe('what another tool put there', () => {
    /** A layout as other tools write it, with these entries in its index. */
    async function layoutOf(manifests: readonly object[], ...contents: readonly string[]): Promise<void> {
      await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
      await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}\n');
      await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
      for (const content of contents) {
        await writeFile(join(folder, 'blobs', 'sha256', hexOf(digestOf(content))), content);
      }
    }
    const named = (descriptor: object, name: string): object => ({ ...descriptor, annotations: { [REF_NAME]: name } });
    const image = JSON.stringify(imageOf('{}', 'layer'));
    const imageDescriptor = descriptorOf(OCI_MANIFEST, image);

    it('is served when it is named repository:tag', async () => {
      await layoutOf([named(imageDescriptor, 'team/app:v1')], '{}', 'layer', image);
      await using(async (_, caller) => {
        expect((await caller.call('GET', '/v2/team/app/manifests/v1')).body.toString()).toBe(image);
        expect((await caller.call('GET', `/v2/team/app/blobs/${digestOf('layer')}`)).body.toString()).toBe('layer');
        expect((await caller.call('GET', `/v2/team/app/blobs/${digestOf('{}')}`)).body.toString()).toBe('{}');
      });
    });

    it('is served with the images of an index', async () => {
      const child = {
        digest: imageDescriptor.digest,
        bytes: Buffer.from(image),
        mediaType: OCI_MANIFEST,
        descriptor: imageDescriptor,
      };
      const index = JSON.stringify(indexOf(OCI_INDEX, child));
      await layoutOf([named(descriptorOf(OCI_INDEX, index), 'app:all')], '{}', 'layer', image, index);
      await using(async (_, caller) => {
        expect((await caller.call('GET', '/v2/app/manifests/all')).body.toString()).toBe(index);
        expect((await caller.call('GET', `/v2/app/manifests/${imageDescriptor.digest}`)).body.toString()).toBe(image);
      });
    });

    it('is not served where it is not what it is said to be', async () => {
      await layoutOf([named(imageDescriptor, 'app:v1'), named(descriptorOf(OCI_MANIFEST, 'none'), 'app:v2')]);
      await writeFile(join(folder, 'blobs', 'sha256', hexOf(imageDescriptor.digest)), `${image} `);
      await using(async (_, caller) => {
        expect((await caller.call('GET', '/v2/app/manifests/v1')).status).toBe(404);
        expect((await caller.call('GET', '/v2/app/manifests/v2')).status).toBe(404);
      });
    });

    it('is kept as it is under any other name, with its content', async () => {
      const others = [
        imageDescriptor,
        named(imageDescriptor, 'latest'),
        named(imageDescriptor, 'localhost:5000/app:v1'),
      ];
      await layoutOf(others, '{}', 'layer', image);
      await using(async (_, caller) => {
        const pushed = await caller.pushManifest('app', 'empty', { ...indexOf(OCI_INDEX) });
        await caller.pushBlob('app', 'layer');
        await caller.call('DELETE', `/v2/app/blobs/${digestOf('layer')}`);
        expect(await entries()).toEqual([...others, named(pushed.descriptor, 'app:empty')]);
      });
      expect(await blobFile('layer')).toBe('layer');
    });

    it.each([
      ['no image layout', 'notes.txt', 'mine'],
      ['a layout of another version', 'oci-layout', '{"imageLayoutVersion":"2.0.0"}'],
      ['a layout whose version cannot be read', 'oci-layout', 'null'],
    ])('is left alone when it is %s', async (_, name, content) => {
      await writeFile(join(folder, name), content);
      const error = await LayoutStore.open(folder).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error).toMatchObject({ code: 'NOT_A_LAYOUT', message: expect.stringContaining(folder) });
      expect(await readdir(folder)).toEqual([name]);
    });

    it('is left alone when its index is broken, and the folder is free for others', async () => {
      await layoutOf([]);
      await writeFile(join(folder, 'index.json'), '{"manifests":');
      await expect(LayoutStore.open(folder)).rejects.toMatchObject({
        code: 'NOT_A_LAYOUT',
        message: expect.stringContaining('index.json'),
      });
      expect(await file('index.json')).toBe('{"manifests":');
      await writeFile(join(folder, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
      await using(() => Promise.resolve());
    });

    it('may be a file where the folder should be', async () => {
      await writeFile(join(folder, 'file'), '');
      await expect(LayoutStore.open(join(folder, 'file'))).rejects.toMatchObject({
        code: 'NOT_A_LAYOUT',
        message: expect.stringMatching(/file is no folder a registry can use: .*EEXIST/),
      });
    });

    it('is not read as a manifest when it is too large to be one', async () => {
      const large = JSON.stringify({ ...imageOf('{}'), annotations: { filler: 'x'.repeat(4 * 1024 * 1024) } });
      await layoutOf([named(descriptorOf(OCI_MANIFEST, large), 'app:v1')], '{}', large);
      await using(async (_, caller) => {
        expect((await caller.call('GET', '/v2/app/manifests/v1')).status).toBe(404);
      });
    });
  });

  it('finishes what is being written when it is closed, and changes nothing after that', async () => {
    const store = await LayoutStore.open(folder);
    const [writer, digest] = [store.createBlob(), digestOf('late')];
    await writer.write(Buffer.from('late'));
    const putting = ['v1', 'v2'].map((tag) => store.putManifest('app', manifestOf({ annotations: { tag } }), tag));
    await store.close();
    const names = (await entries()).map(({ annotations }) => annotations?.[REF_NAME]);
    expect(names.sort()).toEqual(['app:v1', 'app:v2']);
    await Promise.all(putting);

    const files = await filesBelow();
    for (const change of [
      () => store.putManifest('app', manifestOf(), 'v3'),
      () => store.deleteTag('app', 'v1'),
      () => store.mountBlob('other', digest),
    ]) {
      await expect(change()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    }
    expect(() => store.createBlob()).toThrow('the store is closed');
    await expect(Promise.resolve(writer.commit('app', digest))).rejects.toThrow();
    expect(await filesBelow()).toEqual(files);
  });

  it('tells no client where it keeps things when the disk fails', async () => {
    await using(async (_, caller) => {
      await rm(join(folder, 'registry', 'temporary'), { recursive: true });
      const answer = await caller.call('PATCH', await caller.startUpload('app'), { body: 'content' });
      expect([answer.status, answer.body.toString()]).toEqual([500, expect.stringContaining('ENOENT on open')]);
      expect(answer.body.toString()).not.toContain(folder);
    });
  });

  it('has the folder for itself, also by another name of it', async () => {
    await using(async () => {
      await expect(LayoutStore.open(folder)).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
      const other = join(await folders.make(), 'link');
      await symlink(folder, other);
      await expect(LayoutStore.open(other)).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
    });
    await using(() => Promise.resolve());
  });
});
