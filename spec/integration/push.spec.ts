import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type PushEvent, RegistryClient, type PushedImage } from '../../lib/index.js';
import { text } from '../support/content.js';
import { imageTar, type ImageTarOptions, writeImageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { readBack, readTags, type StoredImage } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const FIXTURES = 'spec/fixtures';
const APP_CONFIG = 'sha256:f4d781bfd16a992c24bf51e117f020f109b47d78241b66747b2848687581c20d';
const HELLO_CONFIG = 'sha256:c9465334e1e40364f5ca94062153e7013c5d06c59a4e421fe1c99a74a2aa7fd4';

let client: RegistryClient;
let folder: string;
beforeAll(async () => {
  client = new RegistryClient({ url: integrationRegistry().url });
  folder = await mkdtemp(join(tmpdir(), 'push-spec-'));
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `readBack` has checked each digest, each size and each diff_id by then. */
function stored(pushed: Pick<PushedImage, 'repository' | 'tag'>): Promise<StoredImage> {
  return readBack(integrationRegistry(), pushed.repository, pushed.tag);
}

/** Original tags below a repository of this spec alone. */
function below(prefix: string): (tag: string) => string {
  return (tag) => `${prefix}/${tag.replace(/^[^/]*[.:][^/]*\//, '')}`;
}

describe('RegistryClient', () => {
  describe('pushOriginalTags', () => {
    it.each(['docker-20.10-multi-tag.tar', 'docker-26-multi-tag.tar'])('keeps all four tags of %s', async (name) => {
      const prefix = uniqueRepository('tags');
      const pushed = await client.pushOriginalTags(join(FIXTURES, name), { rename: below(prefix) });

      expect(pushed.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
        `${prefix}/fixture/app:1.2.3`,
        `${prefix}/fixture/app:latest`,
        `${prefix}/team/app:prod`,
        `${prefix}/a/b/c/app:x`,
      ]);
      for (const image of pushed) {
        const back = await stored(image);
        expect(back.manifestDigest).toBe(image.digest);
        expect(digestOf(back.config)).toBe(APP_CONFIG);
        expect(back.config).toHaveLength(3591);
        expect(back.layers).toHaveLength(6);
        expect(back.layers[0]).toEqual(back.layers[3]);
      }
      expect(await readTags(integrationRegistry(), `${prefix}/fixture/app`)).toEqual(['1.2.3', 'latest']);
    });

    it('pushes each image of an archive under its own tag', async () => {
      const prefix = uniqueRepository('images');
      const pushed = await client.pushOriginalTags(join(FIXTURES, 'docker-20.10-multi-image.tar'), {
        rename: below(prefix),
      });
      const [app, hello] = await Promise.all(pushed.map(stored));

      expect(pushed.map(({ reference }) => reference.slice(client.registry.length + 1))).toEqual([
        `${prefix}/fixture/app:1.2.3`,
        `${prefix}/hello:v1`,
      ]);
      expect(digestOf(app!.config)).toBe(APP_CONFIG);
      expect(digestOf(hello!.config)).toBe(HELLO_CONFIG);
      expect(hello!.layers).toHaveLength(2);
    });

    it('pushes only the first tag when asked to', async () => {
      const prefix = uniqueRepository('first');
      const options = { which: 'first', rename: below(prefix) } as const;
      const pushed = await client.pushOriginalTags(join(FIXTURES, 'skopeo-docker-archive.tar'), options);
      expect(pushed.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([`${prefix}/fixture/app:1.2.3`]);
      expect(digestOf((await stored(pushed[0]!)).config)).toBe(APP_CONFIG);
    });

    it('drops the registry of a tag when it is not renamed', async () => {
      const repository = uniqueRepository('plain');
      const { tar } = imageTar({ format: 'docker-25', tags: [`elsewhere.example.com:8443/${repository}:v9`] });
      const [pushed] = await client.pushOriginalTags(tar);
      expect(pushed).toMatchObject({ repository, tag: 'v9', reference: `${client.registry}/${repository}:v9` });
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v9']);
    });

    it('links the blobs into the other repositories instead of sending them again', async () => {
      const prefix = uniqueRepository('mount');
      const fresh = new RegistryClient({ url: integrationRegistry().url, cache: false });
      const pushed = await fresh.pushOriginalTags(join(FIXTURES, 'docker-26-multi-tag.tar'), {
        rename: below(prefix),
      });
      await fresh.close();
      expect(pushed.map(({ blobs }) => blobs)).toEqual([
        { uploaded: 6, mounted: 0, skipped: 0 },
        { uploaded: 0, mounted: 0, skipped: 6 },
        { uploaded: 0, mounted: 6, skipped: 0 },
        { uploaded: 0, mounted: 6, skipped: 0 },
      ]);
      expect(pushed.slice(1).map(({ bytesSent }) => bytesSent)).toEqual([0, 0, 0]);
    });
  });

  describe('push', () => {
    it('gives an untagged archive the name it is told', async () => {
      const repository = uniqueRepository('untagged');
      const pushed = await client.push(join(FIXTURES, 'docker-20.10-untagged.tar'), `${repository}:v1`);
      const back = await stored(pushed);
      expect(digestOf(back.config)).toBe(APP_CONFIG);
      expect(pushed.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
      expect(back.layers.map(({ descriptor }) => descriptor.mediaType)).toEqual(
        Array(6).fill('application/vnd.docker.image.rootfs.diff.tar.gzip'),
      );
    });

    it('says latest where the name has no tag', async () => {
      const repository = uniqueRepository('latest');
      const pushed = await client.push(join(FIXTURES, 'docker-20.10-untagged.tar'), repository);
      expect(pushed.tag).toBe('latest');
      expect(await readTags(integrationRegistry(), repository)).toEqual(['latest']);
    });

    it('keeps an OCI manifest byte for byte', async () => {
      const repository = uniqueRepository('oci');
      const pushed = await client.push(join(FIXTURES, 'skopeo-oci-archive.tar'), `${repository}:1`);
      expect(pushed.digest).toBe('sha256:5a50c9b5354a4984284a2efef364d4f0f09e70c550a0b21b5145adf2d08c7dc3');
      expect((await stored(pushed)).manifestDigest).toBe(pushed.digest);
    });

    it('keeps an index of several platforms byte for byte', async () => {
      const repository = uniqueRepository('index');
      const pushed = await client.push(join(FIXTURES, 'skopeo-oci-archive-multi-platform.tar'), `${repository}:1`);
      const back = await stored(pushed);
      expect(back.manifestDigest).toBe('sha256:882de148739e718a74a090dc81e4ea742b77de372bc5d726ae349998a7369a7f');
      expect(back.manifest.manifests?.map(({ platform }) => platform?.architecture)).toEqual(['amd64', 'arm64']);
      expect(back.children).toHaveLength(2);
      expect(pushed).toMatchObject({ mediaType: 'application/vnd.oci.image.index.v1+json', omitted: [] });
    });

    it('pushes one platform of several when asked to', async () => {
      const repository = uniqueRepository('platform');
      const tar = join(FIXTURES, 'skopeo-oci-archive-multi-platform.tar');
      const back = await stored(await client.push(tar, `${repository}:1`, { platform: 'linux/arm64' }));
      expect(JSON.parse(back.config.toString())).toMatchObject({ architecture: 'arm64' });
      expect(back.children).toEqual([]);
    });

    it('chooses one of several images by its tag', async () => {
      const repository = uniqueRepository('choice');
      const tar = join(FIXTURES, 'docker-20.10-multi-image.tar');
      const back = await stored(await client.push(tar, `${repository}:1`, { image: 'hello:v1' }));
      expect(digestOf(back.config)).toBe(HELLO_CONFIG);
    });

    it('pushes plain layers as they are when compression is none', async () => {
      const repository = uniqueRepository('none');
      const tar = join(FIXTURES, 'docker-20.10-multi-tag.tar');
      const back = await stored(await client.push(tar, `${repository}:1`, { compression: 'none' }));
      for (const { descriptor, diffId } of back.layers) {
        expect(descriptor).toMatchObject({ digest: diffId, mediaType: 'application/vnd.docker.image.rootfs.diff.tar' });
      }
    });

    it('gives the same digest whoever saved the image', async () => {
      const names = ['docker-20.10-untagged.tar', 'docker-26-multi-tag.tar', 'skopeo-docker-archive.tar'];
      const pushed = await Promise.all(
        names.map((name) => client.push(join(FIXTURES, name), uniqueRepository('same'))),
      );
      expect(new Set(pushed.map(({ digest }) => digest)).size).toBe(1);
    });

    it('sends nothing that is there already', async () => {
      const repository = uniqueRepository('again');
      const tar = join(FIXTURES, 'skopeo-oci-archive.tar');
      await client.push(tar, `${repository}:1`);
      const again = await client.push(tar, `${repository}:2`);
      expect(again).toMatchObject({ blobs: { uploaded: 0, mounted: 0, skipped: 6 }, bytesSent: 0 });
    });

    const formats: ImageTarOptions['format'][] = [
      'docker-24',
      'docker-25',
      'docker-containerd',
      'skopeo',
      'oci',
      'crane',
      'nix',
      'jib',
    ];
    it.each(formats)('takes an archive in the layout of %s', async (format) => {
      const image = imageTar({ format });
      const back = await stored(await client.push(image.tar, uniqueRepository(format)));
      expect(digestOf(back.config)).toBe(image.configDigest);
      expect(back.layers.map(({ diffId }) => diffId)).toEqual(image.layers.map(({ diffId }) => diffId));
    });

    it.each(formats)('takes the layout of %s packed whole with gzip', async (format) => {
      const image = imageTar({ format, outer: 'gzip' });
      const back = await stored(await client.push(image.tar, uniqueRepository(format)));
      expect(digestOf(back.config)).toBe(image.configDigest);
    });

    it('leaves out the platforms an index lists but the archive does not hold, and says so', async () => {
      const { tar } = imageTar({ format: 'oci-index' });
      const events: PushEvent[] = [];
      const pushed = await client.push(tar, uniqueRepository('absent'), { onProgress: (event) => events.push(event) });
      await stored(pushed);
      expect(pushed.omitted.join()).toContain('linux/s390x');
      expect(events).toContainEqual({ state: 'warning', message: expect.stringContaining('linux/s390x') });
    });

    it('sends layers of several MiB in one pass, each once, biggest first', async () => {
      const layers = [3, 1, 6].map((mib) => text(mib * 1024 * 1024, `layer of ${mib}`));
      const file = join(folder, 'large.tar');
      const image = await writeImageTar(file, { format: 'docker-25', layers });
      const events: PushEvent[] = [];
      const pushed = await client.push(file, uniqueRepository('large'), { onProgress: (event) => events.push(event) });
      const back = await stored(pushed);

      expect(back.layers.map(({ diffId }) => diffId)).toEqual(image.layers.map(({ diffId }) => diffId));
      const started = events.flatMap((event) => (event.state === 'started' ? event.blob.size : []));
      const large = started.filter((size) => size > 1024 * 1024);
      expect(large).toEqual([...large].sort((a, b) => b - a));
      expect(events[0]).toEqual({ state: 'planned', blobs: 4, bytes: started.reduce((sum, size) => sum + size, 0) });
      expect(events.filter(({ state }) => state === 'uploaded')).toHaveLength(4);
      expect(events.at(-1)).toMatchObject({ state: 'tagged', reference: pushed.reference });
      expect(pushed.bytesSent).toBe(pushed.size - back.manifestBytes.length);
    });

    it('reads a tar packed with gzip that is larger than its buffers', async () => {
      const layers = [2, 5].map((mib) => text(mib * 1024 * 1024, `packed ${mib}`));
      const image = imageTar({ format: 'skopeo', layers });
      const file = join(folder, 'packed.tar.gz');
      await writeFile(file, gzipSync(image.tar));
      const back = await stored(await client.push(file, uniqueRepository('packed')));
      expect(back.layers.map(({ diffId }) => diffId)).toEqual(image.layers.map(({ diffId }) => diffId));
    });

    it('takes the bytes of a tar in place of its path', async () => {
      const tar = await readFile(join(FIXTURES, 'docker-26-multi-tag.tar'));
      const back = await stored(await client.push(new Uint8Array(tar), uniqueRepository('bytes')));
      expect(digestOf(back.config)).toBe(APP_CONFIG);
    });

    it('takes an open archive and leaves it open', async () => {
      const archive = await client.openArchive(join(FIXTURES, 'docker-26-multi-tag.tar'));
      const first = await client.push(archive, uniqueRepository('open'));
      const second = await client.push(archive, uniqueRepository('open'));
      expect(second.digest).toBe(first.digest);
      await archive.close();
    });

    it('pushes many archives at once through one client', async () => {
      const images = Array.from({ length: 12 }, (_, i) =>
        imageTar({ format: 'docker-25', layers: [text(50_000, `many ${i}`)] }),
      );
      const pushed = await Promise.all(images.map(({ tar }) => client.push(tar, uniqueRepository('many'))));
      for (const [i, image] of pushed.entries())
        expect(digestOf((await stored(image)).config)).toBe(images[i]!.configDigest);
    });
  });
});
