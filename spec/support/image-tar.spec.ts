import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { noise } from './content.js';
import { hasZstd, imageTar, type ImageTarOptions, writeImageTar } from './image-tar.js';
import { type ImageFormat, WRITERS } from './image-writers.js';
import { readWithNodeTar } from './node-tar-reader.js';
import { layerOf } from './tar-builder.js';

/*
 * The tars that specs test the library with are checked here with another reader. That the layouts are those of the programs
 * they are named after was checked by hand with `skopeo copy docker-archive:` and `oci-archive:`.
 */

const FORMATS = Object.keys(WRITERS) as ImageFormat[];
const OCI_ONLY: readonly ImageFormat[] = ['oci', 'oci-skopeo', 'oci-index'];
const WITH_MANIFEST_JSON = FORMATS.filter((format) => !OCI_ONLY.includes(format));
const WITH_LAYOUT: readonly ImageFormat[] = [...OCI_ONLY, 'docker-25', 'docker-containerd'];

interface Item {
  Config: string;
  RepoTags: string[] | null;
  Layers: string[];
  LayerSources?: object;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
  manifests?: Descriptor[];
}

async function filesOf(options: ImageTarOptions) {
  const built = imageTar(options);
  const entries = await readWithNodeTar(built.tar);
  const byName = new Map(entries.map((entry) => [entry.path, entry]));
  const file = (name: string): Buffer | undefined => {
    const entry = byName.get(name);
    if (entry?.linkpath === undefined) return entry?.content;
    return file(posix.join(posix.dirname(name), entry.linkpath));
  };
  const json = <T>(name: string) => JSON.parse(file(name)!.toString()) as T;
  const blob = (digest: string) => file(`blobs/sha256/${digest.slice('sha256:'.length)}`);
  return { ...built, names: entries.map((entry) => entry.path), entries: byName, file, json, blob };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function unpacked(bytes: Buffer): Buffer {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

function diffIdsOf(config: Buffer): string[] {
  return (JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids;
}

describe('imageTar', () => {
  const base = layerOf({ 'bin/sh': 'shell' });
  const layers = [base, layerOf({ app: 'application' }), base];
  const tags = ['spec/app:1.0', 'localhost:5000/team/app:prod'];

  describe.each(WITH_MANIFEST_JSON)('in the format of %s', (format) => {
    it('lists config, tags and layers whose content is that of the diff_ids', async () => {
      const { json, file, config, configDigest, ...built } = await filesOf({ format, layers, tags });
      const [item, ...others] = json<Item[]>('manifest.json');
      expect(others).toEqual([]);
      expect(item!.RepoTags).toEqual(tags);
      expect(file(item!.Config)).toEqual(config);
      expect(sha256(config)).toBe(configDigest);
      const diffIds = item!.Layers.map((name) => sha256(unpacked(file(name)!)));
      expect(diffIds).toEqual(diffIdsOf(config));
      expect(diffIds).toEqual(built.layers.map((layer) => layer.diffId));
      expect(item!.Layers.map((name) => sha256(file(name)!))).toEqual(
        built.layers.map((layer) => sha256(layer.stored)),
      );
      expect(built.layers.map((layer) => sha256(layer.plain))).toEqual(diffIds);
    });
  });

  describe.each(WITH_LAYOUT)('in the format of %s', (format) => {
    it('has an OCI layout in which every blob is what its name says', async () => {
      const { json, names, file } = await filesOf({ format, layers, tags });
      expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
      const blobs = names.filter((name) => /^blobs\/sha256\/./.test(name));
      expect(blobs.length).toBeGreaterThanOrEqual(4);
      for (const name of blobs) expect(sha256(file(name)!)).toBe(`sha256:${posix.basename(name)}`);
    });

    it('leads from index.json to the config and the layers', async () => {
      const { json, blob, config } = await filesOf({ format, layers, tags });
      const root = json<{ manifests: Descriptor[] }>('index.json').manifests[0]!;
      expect(blob(root.digest)!.length).toBe(root.size);
      const first = JSON.parse(blob(root.digest)!.toString()) as Manifest;
      const leaf = first.manifests ? (JSON.parse(blob(first.manifests[0]!.digest)!.toString()) as Manifest) : first;
      expect(blob(leaf.config.digest)).toEqual(config);
      const diffIds = leaf.layers.map((layer) => sha256(unpacked(blob(layer.digest)!)));
      expect(diffIds).toEqual(diffIdsOf(config));
    });
  });

  it('stores a layer that occurs again as docker up to 24 does: as a link to the first', async () => {
    const { json, entries } = await filesOf({ format: 'docker-24', layers });
    const [first, , again] = json<Item[]>('manifest.json')[0]!.Layers;
    expect(entries.get(again!)).toMatchObject({ type: 'SymbolicLink', linkpath: `../${first}` });
  });

  it('lists plain layers as sources, as docker does from 25 on', async () => {
    const { json, layers: built } = await filesOf({ format: 'docker-25' });
    expect(Object.keys(json<Item[]>('manifest.json')[0]!.LayerSources!)).toEqual(built.map((layer) => layer.diffId));
  });

  it('mixes gzip and plain layers as nix does', () => {
    const { layers: built } = imageTar({ format: 'nix' });
    expect(built.map((layer) => layer.stored.equals(layer.plain))).toEqual([false, true]);
  });

  it('calls plain layers .tar.gz as rules_oci does, and begins with manifest.json', async () => {
    const { names, json, file, layers: built } = await filesOf({ format: 'rules-oci' });
    expect(names[0]).toBe('manifest.json');
    const [name] = json<Item[]>('manifest.json')[0]!.Layers;
    expect(name).toMatch(/\.tar\.gz$/);
    expect(file(name!)).toEqual(built[0]!.plain);
  });

  it('names the config by its digest, colon included, as crane does', async () => {
    const { json, configDigest, names } = await filesOf({ format: 'crane' });
    expect(json<Item[]>('manifest.json')[0]!.Config).toBe(configDigest);
    expect(names.at(-1)).toBe('manifest.json');
  });

  it.each(['docker-containerd', 'oci-index'] as const)('lists platforms that are absent in %s', async (format) => {
    const { json, blob } = await filesOf({ format, absentPlatforms: ['linux/riscv64'] });
    const root = json<{ manifests: Descriptor[] }>('index.json').manifests[0]!;
    const { manifests } = JSON.parse(blob(root.digest)!.toString()) as { manifests: Descriptor[] };
    const known = manifests.map(({ platform, digest }) => [platform!.architecture, blob(digest) !== undefined]);
    const present = format === 'oci-index' ? [['amd64', true], ['arm64', true]] : [['amd64', true]]; // prettier-ignore
    expect(known).toEqual([...present, ['riscv64', false], ['unknown', false]]);
  });

  it('annotates one descriptor per tag with the full name and the tag', async () => {
    const { json } = await filesOf({ format: 'oci', tags: ['app:1', 'team/app:2', 'localhost/app:3'] });
    const { manifests } = json<{ manifests: Descriptor[] }>('index.json');
    expect(manifests.map(({ annotations }) => Object.values(annotations!))).toEqual([
      ['docker.io/library/app:1', '1'],
      ['docker.io/team/app:2', '2'],
      ['localhost/app:3', '3'],
    ]);
  });

  it('writes several images, and images without tags', async () => {
    const images = [{ tags: null }, { tags: [], layers: [base] }, { tags: ['c:1'], platform: 'linux/arm64/v8' }];
    const { json, file, images: built } = await filesOf({ format: 'docker-24', images });
    const items = json<Item[]>('manifest.json');
    expect(items.map((item) => item.RepoTags)).toEqual([null, [], ['c:1']]);
    expect(items.map((item) => item.Layers.length)).toEqual([2, 1, 2]);
    expect(built.map((image) => file(`${image.configDigest.slice(7)}.json`))).toEqual(
      built.map((image) => image.config),
    );
    expect(JSON.parse(built[2]!.config.toString())).toMatchObject({ architecture: 'arm64', variant: 'v8' });
  });

  it('puts ./ before every name, and lets the spec change anything else', async () => {
    const transform: ImageTarOptions['transform'] = (entries) => [...entries, { name: 'more', content: '!' }];
    const { names } = await filesOf({ format: 'skopeo', dotSlash: true, transform });
    expect(names.pop()).toBe('more');
    expect(names.every((name) => name.startsWith('./'))).toBe(true);
  });

  it('compresses the whole tar', () => {
    const { tar } = imageTar({ format: 'docker-24' });
    expect(gunzipSync(imageTar({ format: 'docker-24', outer: 'gzip' }).tar).equals(tar)).toBe(true);
    const zstd = () => imageTar({ format: 'docker-24', outer: 'zstd' }).tar.readUInt32LE();
    if (hasZstd()) expect(zstd()).toBe(0xfd2fb528);
    else expect(zstd).toThrow('no zstd');
  });

  describe('damaged', () => {
    it('names a diff_id that is wrong, or one too many', () => {
      const right = imageTar({ format: 'docker-24' }).layers.map((layer) => layer.diffId);
      const wrong = diffIdsOf(imageTar({ format: 'docker-24', wrongDiffId: 1 }).config);
      expect([wrong[0] === right[0], wrong[1] === right[1], wrong.length]).toEqual([true, false, 2]);
      const extra = diffIdsOf(imageTar({ format: 'oci', extraDiffId: true }).config);
      expect([extra.slice(0, 2), extra.length]).toEqual([right, 3]);
    });

    it('lacks a layer, the config or manifest.json', async () => {
      const layer = await filesOf({ format: 'docker-24', missingLayer: 1 });
      const [item] = layer.json<Item[]>('manifest.json');
      expect(item!.Layers.map((name) => layer.file(name) !== undefined)).toEqual([true, false]);
      const config = await filesOf({ format: 'docker-25', missingConfig: true });
      expect(config.blob(config.configDigest)).toBeUndefined();
      expect((await filesOf({ format: 'docker-24', missingManifestJson: true })).names).not.toContain('manifest.json');
    });

    it('holds a layer with one bit flipped', async () => {
      const { json, file, layers: built } = await filesOf({ format: 'docker-24', corruptLayer: 0 });
      const [first, second] = json<Item[]>('manifest.json')[0]!.Layers.map((name) => file(name)!);
      expect(first!.length).toBe(built[0]!.stored.length);
      expect(first!.equals(built[0]!.stored)).toBe(false);
      expect(second!.equals(built[1]!.stored)).toBe(true);
    });

    it('names files and links that leave the archive', async () => {
      const paths = { configPath: '../../etc/passwd', layerPath: '/etc/shadow', layerLink: '../../../etc/hosts' };
      const { json, entries } = await filesOf({ format: 'docker-24', ...paths });
      const [item] = json<Item[]>('manifest.json');
      expect([item!.Config, item!.Layers[0]]).toEqual([paths.configPath, paths.layerPath]);
      expect([...entries.values()].map((entry) => entry.linkpath)).toContain(paths.layerLink);
    });

    it('holds a layer that links to itself over another link', async () => {
      const { json, entries } = await filesOf({ format: 'docker-24', linkCycle: true });
      const name = json<Item[]>('manifest.json')[0]!.Layers[0]!;
      expect(posix.join(posix.dirname(name), entries.get(name)!.linkpath!)).toBe('loop');
      expect(entries.get('loop')!.linkpath).toBe(name);
    });

    it('ends early', () => {
      expect(imageTar({ format: 'oci', truncateAt: 1000 }).tar.length).toBe(1000);
    });
  });
});

describe('writeImageTar', () => {
  it('writes what imageTar gives to a file, compressed if wanted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'image-tar-'));
    try {
      const options = { format: 'crane', layers: [layerOf({ big: noise(2_500_000) })] } as const;
      const { tar, configDigest } = imageTar(options);
      const written = await writeImageTar(join(folder, 'a.tar'), options);
      expect((await readFile(written.file)).equals(tar)).toBe(true);
      expect(written).toMatchObject({ size: tar.length, configDigest });
      const packed = await writeImageTar(join(folder, 'a.tar.gz'), { ...options, outer: 'gzip' });
      expect(gunzipSync(await readFile(packed.file)).equals(tar)).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
