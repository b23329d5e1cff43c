import { describe, expect, it } from '@jest/globals';
import { readdirSync, readlinkSync } from 'node:fs';
import { open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { FileSource } from '../../lib/archive/file-source.js';
import { readArchive } from '../../lib/archive/image-archive.js';
import { PackedSource } from '../../lib/archive/packed-source.js';
import { type ArchiveInput, TarArchive } from '../../lib/archive/tar-archive.js';
import { TarIndex } from '../../lib/archive/tar-index.js';
import { InvalidArgumentError, TarReadError, ValidationError } from '../../lib/errors.js';
import { noise } from '../support/content.js';
import { hasZstd, imageTar, writeImageTar } from '../support/image-tar.js';
import { buildTar, layerOf, type TarEntry, writeTar } from '../support/tar-builder.js';
import { bytesOf, CountingSource, errorOf, openImage, withFile, withFolder } from './reading.js';

const GOOD = imageTar({ format: 'docker-24', tags: ['spec/app:1.0', 'localhost:5000/app:2'] });

async function openError(input: ArchiveInput): Promise<string> {
  const error = await errorOf(TarArchive.open(input));
  expect(error).toBeInstanceOf(TarReadError);
  return error.message;
}

/** File descriptors of this process that lead to a path; Linux tells them. */
function descriptorsOf(path: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === path);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor that listed the others.
    return undefined;
  }
}

describe('TarArchive', () => {
  describe('open', () => {
    it('takes a path, a file: URL, a Buffer and any other bytes', async () => {
      await withFile(GOOD.tar, async (path) => {
        const bytes = new Uint8Array(GOOD.tar.length + 10).subarray(10);
        bytes.set(GOOD.tar);
        for (const input of [path, pathToFileURL(path), GOOD.tar, bytes]) {
          const archive = await TarArchive.open(input);
          expect(archive.originalTags).toEqual(GOOD.tags);
          expect(archive.name).toBe(typeof input === 'string' || input instanceof URL ? path : 'the archive in memory');
          await archive.close();
        }
      });
    });

    it.each([
      ['nothing', undefined],
      ['a number', 7],
      ['an object', {}],
      ['a URL of another kind', new URL('https://example.com/app.tar')],
      ['a URL of another host', new URL('file://example.com/app.tar')],
      ['a URL no path can be', new URL('file:///a%2Fb')],
    ])('refuses %s', async (_, input) => {
      const error = await errorOf(TarArchive.open(input as ArchiveInput));
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toBe('an archive is given as a path, a file: URL or the bytes of a tar');
    });

    it('makes a subclass of itself', async () => {
      class Audited extends TarArchive {
        readonly audited = true;
      }
      const archive = await Audited.open(GOOD.tar);
      expect([archive.audited, archive.images.length]).toEqual([true, 1]);
    });

    it.each([
      ['empty', Buffer.alloc(0), 'is empty'],
      ['a single byte', Buffer.from([0]), 'is not a tar'],
      ['text', Buffer.from('FROM scratch\n'.repeat(100)), 'is not a tar'],
      ['HTML', Buffer.from(`<!DOCTYPE html>${'<br>'.repeat(500)}`), 'is not a tar'],
      ['an ELF program', Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(2000, 1)]), 'is not a tar'],
      ['a zip', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2000, 1)]), 'is not a tar'],
      ['a PNG', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(2000, 0xd0)]), 'is not a tar'],
      ['gzip of text', imageTar({ format: 'docker-24', outer: 'gzip', truncateAt: 5 }).tar, 'cannot be unpacked'],
      ['the first two bytes of gzip', Buffer.from([0x1f, 0x8b]), 'cannot be unpacked: unexpected end of file'],
    ])('refuses a file that is %s, by name', async (_, bytes, reason) => {
      await withFile(bytes, async (path) => {
        expect(await openError(path)).toContain(`${path} ${reason}`);
        expect(descriptorsOf(path)).toEqual([]);
      });
    });

    it('refuses what is not there, and a directory', async () => {
      expect(await openError('/no/such/app.tar')).toContain('there is no file /no/such/app.tar');
      await withFolder(async (folder) => expect(await openError(folder)).toContain(`${folder} is a directory`));
    });

    it('opens a tar without entries, for what is wrong with it to be told', async () => {
      const archive = await TarArchive.open(Buffer.alloc(10240));
      const error = await errorOf(() => archive.images);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain('manifest.json is not in the archive, nor is index.json: the tar is empty');
      expect((await archive.validate()).valid).toBe(false);
    });

    it.each(['xz', 'bzip2'])('says how to unpack %s', async (program) => {
      const magic = program === 'xz' ? 'fd377a585a000004' : '425a6839314159265359';
      await withFile(Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(1000, 3)]), async (path) => {
        expect(await openError(path)).toBe(
          `${path} is packed with ${program}, which cannot be read here. Unpack it first, with ${program} -d.`,
        );
        expect(descriptorsOf(path)).toEqual([]);
      });
    });

    it('unpacks zstd where Node can, and else says what to do', async () => {
      if (hasZstd()) {
        const archive = await openImage({ format: 'docker-24', outer: 'zstd' });
        expect(archive.images).toHaveLength(1);
        expect((await archive.validate()).valid).toBe(true);
      } else {
        const bytes = Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.alloc(1000)]);
        expect(await openError(bytes)).toContain(
          'is packed with zstd, which cannot be read here. Unpack it first, with zstd -d, or use Node 22.15 or later',
        );
      }
    });

    it('takes a plain tar whose first name begins like packed content for a plain tar', async () => {
      const entries = [{ name: 'BZh9-notes.txt', content: 'x' }, ...GOOD.entries];
      expect((await TarArchive.open(buildTar(entries))).images).toHaveLength(1);
    });

    it('refuses a file that cannot be read, and closes it', async () => {
      // Linux opens it like any other and fails to read what is at address 0.
      expect(await openError('/proc/self/mem')).toContain('/proc/self/mem cannot be read: EIO');
      expect(descriptorsOf(`/proc/${process.pid}/mem`)).toEqual([]);
    });

    it('closes the file when reading fails after it was opened', async () => {
      await withFile(GOOD.tar.subarray(0, 1000), async (path) => {
        expect(await openError(path)).toContain(path);
        expect(descriptorsOf(path)).toEqual([]);
      });
    });
  });

  describe('close', () => {
    it('lets go of the file, also as a disposable, and also twice', async () => {
      for (const bytes of [GOOD.tar, imageTar({ format: 'docker-24', outer: 'gzip' }).tar]) {
        await withFile(bytes, async (path) => {
          const archive = await TarArchive.open(path);
          const layer = archive.images[0]!.manifests[0]!.layers[0]!;
          expect(descriptorsOf(path)).toHaveLength(1);
          await archive[Symbol.asyncDispose]();
          await archive.close();
          expect(descriptorsOf(path)).toEqual([]);
          const error = await errorOf('open' in layer ? bytesOf(layer.open()) : Promise.resolve());
          expect(error).toBeInstanceOf(TarReadError);
        });
      }
    });
  });

  describe('images', () => {
    it('throws one error with every problem, naming the file and the entries', async () => {
      const { tar } = imageTar({ format: 'docker-25', missingLayer: 0, missingConfig: true });
      await withFile(tar, async (path) => {
        const archive = await TarArchive.open(path);
        const error = await errorOf(() => archive.images);
        expect(error).toBeInstanceOf(ValidationError);
        const { problems } = error as ValidationError;
        expect(problems).toHaveLength(2);
        expect(error.message).toContain(`${path} is not a valid image archive: `);
        for (const { entry } of problems) expect(error.message).toContain(`${entry} is not in the archive`);
        for (const read of [() => archive.originalTags, () => archive.primaryTag, () => archive.inspect()]) {
          expect((await errorOf(read)).message).toBe(error.message);
        }
        await archive.close();
      });
    });

    it('throws for all images where one of them is broken', async () => {
      const images = [{ tags: ['a:1'] }, { tags: ['b:1'], layers: [layerOf({ b: 'b' })] }];
      const archive = await openImage({ format: 'docker-24', images, missingLayer: 0 });
      expect(await errorOf(() => archive.images)).toBeInstanceOf(ValidationError);
    });
  });

  describe('originalTags and primaryTag', () => {
    it('give every tag in the order of the archive, and the first one taken apart', async () => {
      const images = [null, ['localhost:5000/team/b:1', 'b:2'], ['c']].map((tags, i) => ({
        tags,
        layers: [layerOf({ own: `${i}` })],
      }));
      const archive = await openImage({ format: 'docker-24', images });
      expect(archive.originalTags).toEqual(['localhost:5000/team/b:1', 'b:2', 'c']);
      expect(archive.primaryTag).toEqual({ registry: 'localhost:5000', repository: 'team/b', tag: '1' });
    });

    it('give latest where a tag has none', async () => {
      expect((await openImage({ format: 'docker-24', tags: ['c'] })).primaryTag).toEqual({
        repository: 'c',
        tag: 'latest',
      });
    });

    it.each([[null], [[]], [['']]])('give none for RepoTags %j', async (tags) => {
      const archive = await openImage({ format: 'docker-24', tags });
      expect([archive.originalTags, archive.primaryTag]).toEqual([[], undefined]);
    });
  });

  describe('manifest', () => {
    it('is manifest.json, also of a broken image', async () => {
      const { manifest } = await openImage({ format: 'docker-24', tags: ['a:1'], missingLayer: 0 });
      expect(manifest).toMatchObject([{ Config: expect.stringMatching(/\.json$/), RepoTags: ['a:1'] }]);
      expect(manifest[0]?.Layers).toHaveLength(2);
    });

    it('is what it would be for an OCI layout', async () => {
      const archive = await openImage({ format: 'oci-index', tags: ['spec/app:1'], absentPlatforms: [] });
      expect(archive.manifest).toHaveLength(2);
      expect(archive.manifest[0]).toEqual({
        Config: archive.images[0]?.manifests[0]?.config.entry,
        RepoTags: ['docker.io/spec/app:1'],
        Layers: archive.images[0]?.manifests[0]?.layers.map(({ entry }) => entry),
      });
    });

    it('throws for a broken OCI layout', async () => {
      const archive = await openImage({ format: 'oci', missingLayer: 0 });
      expect(await errorOf(() => archive.manifest)).toBeInstanceOf(ValidationError);
    });
  });

  describe('validate', () => {
    const three = [layerOf({ one: '1' }), layerOf({ two: '2' }), layerOf({ three: '3' })];

    it('finds nothing wrong with a good archive', async () => {
      expect(await (await TarArchive.open(GOOD.tar)).validate()).toEqual({ valid: true, problems: [] });
    });

    it.each(['docker-24', 'docker-25', 'oci', 'crane'] as const)(
      'tells of a wrong diff_id although another layer of the image is missing, in %s',
      async (format) => {
        const archive = await openImage({ format, layers: three, missingLayer: 0, wrongDiffId: 2 });
        const { valid, problems } = await archive.validate();
        expect(valid).toBe(false);
        expect(problems.map(({ message }) => message.replace(/sha256:\w+/g, '…'))).toEqual([
          'is not in the archive',
          'has the diff_id …, but the config says …',
        ]);
        expect(new Set(problems.map(({ entry }) => entry)).size).toBe(2);
      },
    );

    it('tells of two damaged layers, and of a bad tag', async () => {
      const transform = (entries: TarEntry[]): TarEntry[] =>
        entries.map((entry) =>
          entry.name.endsWith('layer.tar') ? { ...entry, content: Buffer.alloc(2048, 'x') } : entry,
        );
      const { tar } = imageTar({ format: 'docker-24', tags: ['UPPER'], layers: three.slice(0, 2), transform });
      const { problems } = await (await TarArchive.open(tar)).validate();
      expect(problems.map(({ entry, message }) => `${entry} ${message}`)).toEqual([
        expect.stringContaining('manifest.json has a RepoTag that is no name: "UPPER"'),
        expect.stringMatching(/layer\.tar has the diff_id/),
        expect.stringMatching(/layer\.tar has the diff_id/),
      ]);
    });

    it('tells once of what several images share', async () => {
      const images = [{ tags: ['a:1'] }, { tags: ['b:1'], config: { author: 'b' } }];
      for (const damage of [{ missingLayer: 0 }, { corruptLayer: 0 }]) {
        const { problems } = await (await openImage({ format: 'skopeo', images, ...damage })).validate();
        expect(problems).toHaveLength(1);
      }
    });

    it('reads a layer that occurs twice once', async () => {
      const base = layerOf({ base: 'x' });
      const { tar } = imageTar({ format: 'docker-24', layers: [base, layerOf({ app: 'y' }), base] });
      const source = new CountingSource(new BufferSource(tar));
      const archive = new TarArchive(source, await readArchive(await TarIndex.read(source)));
      expect((await archive.validate()).valid).toBe(true);
      expect(source.opened).toBe(2);
    });

    it('tells that the file has lost a layer since it was opened', async () => {
      await withFolder(async (folder) => {
        const path = join(folder, 'app.tar');
        const layers = [layerOf({ big: noise(3_000_000) })];
        const { size } = await writeImageTar(path, { format: 'docker-24', layers });
        const archive = await TarArchive.open(path);
        await truncate(path, size - 2_000_000);
        const { problems } = await archive.validate();
        expect(problems).toEqual([
          { entry: expect.stringMatching(/layer\.tar$/), message: expect.stringContaining(`${path} ended inside `) },
        ]);
        await archive.close();
      });
    });

    it('goes on behind a layer that cannot be unpacked, also in a packed archive', async () => {
      const { tar } = imageTar({ format: 'crane', outer: 'gzip', layers: three, corruptLayer: 1 });
      const { problems } = await (await TarArchive.open(tar)).validate();
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ message: expect.stringMatching(/cannot be unpacked|has the diff_id/) });
    });

    it('rejects with the reason when it is cancelled', async () => {
      const reason = new Error('enough');
      const archive = await TarArchive.open(GOOD.tar);
      expect(await errorOf(archive.validate({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    });
  });

  describe('the cost of opening', () => {
    it('is a few kilobytes for 9 GiB of layers', async () => {
      await withFolder(async (folder) => {
        const path = join(folder, 'huge.tar');
        const size = 9 * 2 ** 30;
        // The layer is a hole in the file; what follows it is not.
        const before = await writeTar(path, [{ name: 'layer.tar', claimedSize: size, sizeAs: 'pax' }], { end: false });
        const diffIds = [`sha256:${'0'.repeat(64)}`];
        const rest = buildTar([
          { name: 'config.json', content: JSON.stringify({ rootfs: { diff_ids: diffIds } }) },
          {
            name: 'manifest.json',
            content: JSON.stringify([{ Config: 'config.json', RepoTags: ['huge:1'], Layers: ['layer.tar'] }]),
          },
        ]);
        const file = await open(path, 'r+');
        await file.write(rest, 0, rest.length, before + size);
        await file.close();

        const source = new CountingSource(await FileSource.open(path));
        const archive = new TarArchive(source, await readArchive(await TarIndex.read(source)));
        expect(archive.images[0]?.manifests[0]?.layers).toMatchObject([{ size, packing: 'none', position: before }]);
        expect(source.bytesRead).toBeLessThan(10_000);
        expect(source.opened).toBe(0);
        await archive.close();
        const again = await TarArchive.open(path);
        expect(await again.inspect()).toMatchObject([{ size, layers: [{ size }] }]);
        await again.close();
      });
    });

    it.each([
      'docker-24',
      'docker-25',
      'skopeo',
      'oci-index',
      'crane',
      'nix',
      'rules-oci',
      'docker-containerd',
    ] as const)(
      'is one pass for a packed archive of %s, and one more for reading its layers in order',
      async (format) => {
        const layers = Array.from({ length: 40 }, (_, i) => layerOf({ [`file-${i}`]: noise(30_000, `${i}`) }));
        const stored = new CountingSource(new BufferSource(imageTar({ format, layers, outer: 'gzip' }).tar));
        const source = new PackedSource(stored, 'gzip');
        const archive = new TarArchive(source, await readArchive(await TarIndex.read(source)));
        expect(archive.images).toHaveLength(1);
        expect(stored.opened).toBe(1);
        expect(await archive.validate()).toEqual({ valid: true, problems: [] });
        expect(stored.opened).toBe(2);
        await archive.close();
      },
    );
  });

  it('tells whether layers may be read in any order', async () => {
    expect((await TarArchive.open(GOOD.tar)).randomAccess).toBe(true);
    expect((await openImage({ format: 'docker-24', outer: 'gzip' })).randomAccess).toBe(false);
  });
});
