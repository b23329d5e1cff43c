import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { integrationRegistry } from '../support/integration-registry.js';
import { bytes, type Content, gzip, noise, toBuffer } from '../support/content.js';
import { readBack, readBlob, readTags } from '../support/reading-back.js';
import { layerOf } from '../support/tar-builder.js';
import { uniqueRepository } from '../support/unique.js';

/** What judges every push has to be right itself: it takes what is right, and each thing that is wrong is told. */

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

function sha256(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Pushes by hand, so that manifests can say what no client of ours would. */
class Pusher {
  readonly registry = integrationRegistry();
  readonly repository = uniqueRepository('reading-back');

  async blob(mediaType: string, content: Content) {
    const { url } = this.registry;
    const data = toBuffer(content);
    const session = await fetch(`${url}/v2/${this.repository}/blobs/uploads/`, { method: 'POST' });
    const target = new URL(session.headers.get('location')!, url);
    target.searchParams.set('digest', sha256(data));
    expect((await fetch(target, { method: 'PUT', body: data })).status).toBe(201);
    return { mediaType, digest: sha256(data), size: data.length };
  }

  async manifest(reference: string, mediaType: string, fields: object) {
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
    const target = `${this.registry.url}/v2/${this.repository}/manifests/${reference || sha256(body)}`;
    const response = await fetch(target, { method: 'PUT', body, headers: { 'content-type': mediaType } });
    expect(await response.text()).toBe('');
    return { mediaType, digest: sha256(body), size: body.length };
  }

  config(diffIds: readonly string[]) {
    return this.blob(CONFIG, bytes(JSON.stringify({ rootfs: { type: 'layers', diff_ids: diffIds } })));
  }

  read(reference = '1') {
    return readBack(this.registry, this.repository, reference);
  }
}

const plain = layerOf({ a: 'plain' });
const packed = layerOf({ b: noise(300_000) });
const diffIds = [plain, packed].map((content) => sha256(toBuffer(content)));

async function pushed(change: (layer: { mediaType: string; digest: string; size: number }) => object = (same) => same) {
  const pusher = new Pusher();
  const layers = [await pusher.blob(LAYER, plain), await pusher.blob(`${LAYER}+gzip`, gzip(packed))];
  const manifest = { config: await pusher.config(diffIds), layers: [layers[0], change(layers[1]!)] };
  return { pusher, manifest: await pusher.manifest('1', MANIFEST, manifest), layers };
}

describe('readBack', () => {
  it('returns an image whose every digest is right, and the diff_ids it computed', async () => {
    const { pusher, manifest, layers } = await pushed();
    const image = await pusher.read();
    expect(image).toMatchObject({ manifestDigest: manifest.digest, mediaType: MANIFEST, children: [] });
    expect(image.layers).toEqual(layers.map((descriptor, i) => ({ descriptor, diffId: diffIds[i] })));
    expect(JSON.parse(image.config.toString())).toEqual({ rootfs: { type: 'layers', diff_ids: diffIds } });
    expect(await pusher.read(manifest.digest)).toEqual(image);
  });

  it('returns the children of an index', async () => {
    const { pusher, manifest } = await pushed();
    await pusher.manifest('all', INDEX, { manifests: [manifest] });
    const index = await pusher.read('all');
    expect(index.mediaType).toBe(INDEX);
    expect(index.children).toEqual([await pusher.read(manifest.digest)]);
  });

  it('tells a child whose size is not that of its descriptor', async () => {
    const { pusher, manifest } = await pushed();
    await pusher.manifest('all', INDEX, { manifests: [{ ...manifest, size: manifest.size + 1 }] });
    await expect(pusher.read('all')).rejects.toThrow('the size of manifest');
  });

  it('tells layers that are not those of the config', async () => {
    const pusher = new Pusher();
    const layers = [await pusher.blob(LAYER, plain)];
    await pusher.manifest('1', MANIFEST, { config: await pusher.config([diffIds[1]!]), layers });
    await expect(pusher.read()).rejects.toThrow('the layers are not those of the config');
  });

  it('tells a layer of another size', async () => {
    const { pusher } = await pushed((layer) => ({ ...layer, size: 5 }));
    await expect(pusher.read()).rejects.toThrow('the size of layer');
  });

  it.each([`${LAYER}`, 'application/vnd.docker.image.rootfs.diff.tar.gzip'])(
    'tells a layer whose type %s is not what its bytes are',
    async (mediaType) => {
      const pusher = new Pusher();
      const content = mediaType === LAYER ? gzip(plain) : plain;
      const layers = [await pusher.blob(mediaType, content)];
      await pusher.manifest('1', MANIFEST, { config: await pusher.config([diffIds[0]!]), layers });
      await expect(pusher.read()).rejects.toThrow();
    },
  );

  it('tells what is absent', async () => {
    await expect(new Pusher().read()).rejects.toThrow(/404|MANIFEST_UNKNOWN|NAME_UNKNOWN/);
  });
});

describe('readBlob', () => {
  it('returns the bytes of a digest', async () => {
    const { pusher, layers } = await pushed();
    expect(await readBlob(pusher.registry, pusher.repository, layers[0]!.digest)).toEqual(toBuffer(plain));
  });
});

describe('readTags', () => {
  it('returns the tags in order, and none for a repository that is not there', async () => {
    const { pusher, manifest } = await pushed();
    await pusher.manifest('0', INDEX, { manifests: [manifest] });
    expect(await readTags(pusher.registry, pusher.repository)).toEqual(['0', '1']);
    expect(await readTags(pusher.registry, uniqueRepository())).toEqual([]);
  });
});
