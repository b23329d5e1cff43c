import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  collect,
  type DeletionEvent,
  DigestMismatchError,
  isIndex,
  MediaType,
  NotFoundError,
  parseManifest,
  type PullEvent,
  RegistryClient,
  TarArchive,
  type Transport,
  UnsupportedError,
} from '../../lib/index.js';
import { EmbeddedTransport } from '../../lib/testing/index.js';
import { text } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { onPath, run } from '../support/proc.js';
import { readBack, readTags } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const FIXTURES = 'spec/fixtures';
const APP = join(FIXTURES, 'docker-26-multi-tag.tar');
const INDEX = join(FIXTURES, 'skopeo-oci-archive-multi-platform.tar');
const ARCHIVES = [
  'docker-20.10-multi-tag.tar',
  'docker-20.10-untagged.tar',
  'docker-26-multi-tag.tar',
  'skopeo-docker-archive.tar',
  'skopeo-oci-archive.tar',
  'skopeo-oci-archive-multi-platform.tar',
];

let client: RegistryClient;
let folder: string;
beforeAll(async () => {
  client = new RegistryClient({ url: integrationRegistry().url });
  folder = await mkdtemp(join(tmpdir(), 'operations-spec-'));
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

async function pushed(archive = APP): Promise<string> {
  const { repository } = await client.push(archive, `${uniqueRepository('op')}:v1`);
  return repository;
}

describe('RegistryClient', () => {
  describe('pull', () => {
    describe.each(['docker', 'oci'] as const)('in the format of %s', (format) => {
      it.each(ARCHIVES)('gives an archive of %s that pushes back under the same digest', async (archive) => {
        const repository = await pushed(join(FIXTURES, archive));
        const file = join(folder, `${format}-${archive}`);
        const pulled = await client.pull(`${repository}:v1`, file, { format });
        const again = await client.push(file, uniqueRepository('back'));
        expect(again.digest).toBe(pulled.digest);
        expect((await stat(file)).size).toBe(pulled.size);
        expect((await readBack(integrationRegistry(), again.repository, again.tag)).manifestDigest).toBe(pulled.digest);
      });
    });

    it('gives an archive that is valid to its end and keeps its name', async () => {
      const repository = await pushed();
      const file = join(folder, 'valid.tar');
      await client.pull(`${repository}:v1`, file);
      const archive = await TarArchive.open(file);
      expect(await archive.validate()).toEqual({ valid: true, problems: [] });
      expect(archive.originalTags).toEqual([`${client.registry}/${repository}:v1`]);
      expect(archive.manifest).toHaveLength(1);
      await archive.close();
    });

    it('pulls one platform of an index when asked to', async () => {
      const repository = await pushed(INDEX);
      const file = join(folder, 'arm64.tar');
      await client.pull(`${repository}:v1`, file, { platform: 'linux/arm64' });
      const archive = await TarArchive.open(file);
      expect((await archive.inspect()).map(({ architecture }) => architecture)).toEqual(['arm64']);
      await archive.close();
    });

    it('writes into a stream and leaves it open', async () => {
      const repository = await pushed();
      const stream = new PassThrough();
      const reading = buffer(stream);
      const pulled = await client.pull(`${repository}:v1`, stream);
      expect(stream.writableEnded).toBe(false);
      stream.end();
      const tar = await reading;
      expect(tar).toHaveLength(pulled.size);
      expect((await client.push(tar, uniqueRepository('stream'))).digest).toBe(pulled.digest);
    });

    it('pulls by digest, without a name', async () => {
      const repository = await pushed();
      const { descriptor } = await client.getManifest(repository, 'v1');
      const file = join(folder, 'digest.tar');
      await client.pull(`${repository}@${descriptor.digest}`, file);
      const archive = await TarArchive.open(file);
      expect(archive.originalTags).toEqual([]);
      await archive.close();
    });

    it('reports each blob once, and counts that never go backwards', async () => {
      const { tar } = imageTar({ format: 'docker-25', layers: [text(3_000_000, 'a'), text(2_000_000, 'b')] });
      const { repository, digest } = await client.push(tar, uniqueRepository('events'), { compression: 'none' });
      const events: PullEvent[] = [];
      const pulled = await client.pull(`${repository}:latest`, join(folder, 'events.tar'), {
        onProgress: (event) => events.push(event),
      });
      expect(pulled).toMatchObject({ digest, bytesReceived: events.find((event) => event.state === 'planned')!.bytes });
      expect(events.filter(({ state }) => state === 'fetched')).toHaveLength(3);
    });

    it.each(['skopeo'])('is read by %s as a docker archive and as an OCI archive', async (name) => {
      if (!onPath(name)) return expect(onPath(name)).toBeUndefined();
      const repository = await pushed();
      const files = { docker: join(folder, 'skopeo-docker.tar'), oci: join(folder, 'skopeo-oci.tar') };
      await Promise.all(
        Object.values(files).map((file, i) => client.pull(`${repository}:v1`, file, { format: i ? 'oci' : 'docker' })),
      );
      const docker = await run('skopeo', ['inspect', '--config', `docker-archive:${files.docker}`]);
      const oci = await run('skopeo', ['inspect', `oci-archive:${files.oci}`]);
      expect([docker.code, oci.code]).toEqual([0, 0]);
      expect(JSON.parse(docker.stdout)).toMatchObject({ architecture: 'amd64' });
    });

    it('leaves nothing behind when the image is not there', async () => {
      const target = await mkdtemp(join(folder, 'empty-'));
      await expect(client.pull(`${uniqueRepository('none')}:v1`, join(target, 'a.tar'))).rejects.toBeInstanceOf(
        NotFoundError,
      );
      expect(await readdir(target)).toEqual([]);
    });

    it('lists the platforms there are when the wanted one is not', async () => {
      const repository = await pushed(INDEX);
      const pull = client.pull(`${repository}:v1`, join(folder, 'no.tar'), { platform: 'linux/s390x' });
      await expect(pull).rejects.toThrow('it has linux/amd64, linux/arm64');
    });

    it('leaves nothing behind when it is cancelled, and keeps the file that was there', async () => {
      const { tar } = imageTar({ format: 'docker-25', layers: [text(8_000_000, 'cancel')] });
      const { repository } = await client.push(tar, uniqueRepository('cancel'), { compression: 'none' });
      const target = await mkdtemp(join(folder, 'cancel-'));
      await writeFile(join(target, 'a.tar'), 'before');
      const cancelled = new AbortController();
      const onProgress = ({ state }: PullEvent): void => {
        if (state === 'progress') cancelled.abort(new Error('enough'));
      };
      const pull = client.pull(repository, join(target, 'a.tar'), { signal: cancelled.signal, onProgress });
      await expect(pull).rejects.toThrow('enough');
      expect(await readdir(target)).toEqual(['a.tar']);
      expect(await readFile(join(target, 'a.tar'), 'utf8')).toBe('before');
    });

    it('says when the file cannot be written', async () => {
      const repository = await pushed();
      const pull = client.pull(`${repository}:v1`, join(folder, 'nowhere', 'a.tar'));
      await expect(pull).rejects.toMatchObject({ name: 'InvalidArgumentError', code: 'ENOENT' });
    });

    it('does not put a file in the place of a folder or a device, and follows links', async () => {
      const repository = await pushed();
      await expect(client.pull(`${repository}:v1`, folder)).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(client.pull(`${repository}:v1`, '/dev/null')).rejects.toMatchObject({ code: 'NOT_A_FILE' });
      const [target, link] = [join(folder, 'linked.tar'), join(folder, 'link.tar')];
      await writeFile(target, 'before');
      await symlink(target, link);
      const { size } = await client.pull(`${repository}:v1`, link);
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
      expect((await stat(target)).size).toBe(size);
    });

    it('refuses a format and a platform that are none before it asks for anything', async () => {
      const file = join(folder, 'never.tar');
      await expect(client.pull('absent/app', file, { format: 'OCI' as 'oci' })).rejects.toThrow('the option format');
      await expect(client.pull('absent/app', file, { platform: 'arm64' })).rejects.toMatchObject({
        code: 'PLATFORM_INVALID',
      });
    });

    it('does not take a single image for one of another platform', async () => {
      const repository = await pushed();
      const options = { platform: 'linux/arm64' };
      const file = join(folder, 'wrong.tar');
      for (const wrong of [
        client.pull(`${repository}:v1`, file, options),
        client.getImageInfo(repository, 'v1', options),
        client.getManifest(repository, 'v1', options),
        client.copy(`${repository}:v1`, uniqueRepository('wrong'), options),
      ]) {
        await expect(wrong).rejects.toThrow('has no image for linux/arm64; it has linux/amd64');
      }
      expect((await client.getManifest(repository, 'v1', { platform: 'linux/amd64' })).descriptor.digest).toBeDefined();
    });

    it('fails when the stream it writes into breaks', async () => {
      const repository = await pushed();
      const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
      await expect(client.pull(`${repository}:v1`, full)).rejects.toThrow('no space left');
    });
  });

  describe('copy', () => {
    it.each([APP, INDEX])('links the blobs of %s into another repository', async (archive) => {
      const repository = await pushed(archive);
      const target = uniqueRepository('copy');
      const copied = await client.copy(`${repository}:v1`, `${target}:v2`);
      expect(copied).toMatchObject({ blobs: { uploaded: 0, skipped: 0 }, bytesSent: 0 });
      expect((await readBack(integrationRegistry(), target, 'v2')).manifestDigest).toBe(copied.digest);
    });

    it('streams into another registry and back', async () => {
      const repository = await pushed(INDEX);
      const other = new RegistryClient({ url: 'http://other.test', transport: new EmbeddedTransport() });
      const there = await client.copy(`${repository}:v1`, 'mirror/app', { to: other });
      expect(there.blobs).toEqual({ uploaded: 7, mounted: 0, skipped: 0 });
      const target = uniqueRepository('returned');
      const back = await other.copy('mirror/app:v1', `${target}:v1`, { to: client });
      expect(back.digest).toBe(there.digest);
      await readBack(integrationRegistry(), target, 'v1');
    });

    it('copies one platform when asked to', async () => {
      const repository = await pushed(INDEX);
      const target = uniqueRepository('platform');
      await client.copy(`${repository}:v1`, `${target}:arm`, { platform: 'linux/arm64' });
      const { config } = await readBack(integrationRegistry(), target, 'arm');
      expect(JSON.parse(config.toString())).toMatchObject({ architecture: 'arm64' });
    });

    it('sends nothing that is there already', async () => {
      const repository = await pushed();
      const target = uniqueRepository('twice');
      await client.copy(`${repository}:v1`, `${target}:v1`);
      expect((await client.copy(`${repository}:v1`, `${target}:v1`)).blobs).toEqual({
        uploaded: 0,
        mounted: 0,
        skipped: 6,
      });
    });

    it('stores nothing when the source is not there', async () => {
      const target = uniqueRepository('absent');
      await expect(client.copy(`${uniqueRepository('none')}:v1`, `${target}:v1`)).rejects.toBeInstanceOf(NotFoundError);
      expect(await readTags(integrationRegistry(), target)).toEqual([]);
    });
  });

  describe('getImageInfo', () => {
    it('tells what an image is', async () => {
      const repository = await pushed();
      const info = await client.getImageInfo(repository, 'v1');
      expect(info).toMatchObject({
        architecture: 'amd64',
        os: 'linux',
        user: '1000:1000',
        entrypoint: ['/alpha'],
        labels: expect.objectContaining({ 'org.opencontainers.image.version': '1.2.3' }),
        attestations: [],
      });
      expect(info.env).toContain('GREETING=안녕 world');
      expect(info.layers).toHaveLength(6);
      expect(info.history.filter(({ emptyLayer }) => !emptyLayer)).toHaveLength(6);
      expect(info.size).toBe([info.config, ...info.layers].reduce((sum, { size }) => sum + size, 0));
      expect(info.platforms).toHaveLength(1);
    });

    it('tells it of every platform of an index, and of one', async () => {
      const repository = await pushed(INDEX);
      const whole = await client.getImageInfo(repository, 'v1');
      expect(whole.platforms.map(({ architecture }) => architecture)).toEqual(['amd64', 'arm64']);
      expect(whole.digest).toBe('sha256:882de148739e718a74a090dc81e4ea742b77de372bc5d726ae349998a7369a7f');
      const arm = await client.getImageInfo(repository, 'v1', { platform: 'linux/arm64' });
      expect(arm).toMatchObject({ architecture: 'arm64', platforms: [{ architecture: 'arm64' }] });
    });

    it('says that there is no such tag', async () => {
      const repository = await pushed();
      await expect(client.getImageInfo(repository, 'v2')).rejects.toBeInstanceOf(NotFoundError);
    });
  });

  describe('listImages', () => {
    it('gives every tag of every repository with its image, and the error of one that cannot be read', async () => {
      const transport = new EmbeddedTransport();
      const own = new RegistryClient({ url: 'http://own.test', transport });
      await Promise.all(['a', 'b', 'c'].map((name) => own.push(APP, `${name}:1`)));
      await own.tag('a', '1', '2');
      const { config } = await own.getImageInfo('b', '1');
      await own.blobs.delete('b', config.digest);
      const images = await collect(own.listImages({ concurrency: 2 }));
      const names = images.map(
        ({ repository, tag, ...found }) => `${repository}:${tag} ${'info' in found ? found.info.os : found.error.name}`,
      );
      expect(names.sort()).toEqual(['a:1 linux', 'a:2 linux', 'b:1 NotFoundError', 'c:1 linux']);
    });

    it('passes over repositories without tags, and tells of those whose tags it may not see', async () => {
      const inner = new EmbeddedTransport();
      const own = new RegistryClient({ url: 'http://own.test', transport: inner });
      await Promise.all(['a', 'gone', 'secret'].map((name) => own.push(APP, `${name}:1`)));
      const answers: Record<string, number> = { gone: 404, secret: 403 };
      const transport: Transport = {
        async send(request) {
          const [, name = ''] = /^\/v2\/(\w+)\/tags\/list$/.exec(request.url.pathname) ?? [];
          const response = await inner.send(request);
          return { ...response, status: answers[name] ?? response.status };
        },
      };
      const images = await collect(new RegistryClient({ url: 'http://own.test', transport }).listImages());
      const found = images.map(({ repository, tag, ...rest }) => [repository, tag, 'error' in rest && rest.error.name]);
      expect(found.sort()).toEqual([
        ['a', '1', false],
        ['secret', undefined, 'AuthenticationError'],
      ]);
    });
  });

  describe('getManifest', () => {
    it('gives what the tag names, and of an index the manifest for a platform', async () => {
      const repository = await pushed(INDEX);
      const index = await client.getManifest(repository, 'v1');
      expect(index.descriptor.mediaType).toBe(MediaType.ociIndex);
      const image = await client.getManifest(repository, 'v1', { platform: 'linux/arm64' });
      expect(isIndex(image.manifest)).toBe(false);
      expect(index.manifest).toMatchObject({
        manifests: expect.arrayContaining([expect.objectContaining({ digest: image.descriptor.digest })]),
      });
      await expect(client.getManifest(repository, 'v1', { platform: 'windows/amd64' })).rejects.toMatchObject({
        name: 'NotFoundError',
        code: 'PLATFORM_UNKNOWN',
        message: expect.stringContaining('it has linux/amd64, linux/arm64'),
      });
    });

    it('ends in its own time', async () => {
      const silent: Transport = {
        send: ({ signal }) =>
          new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
      };
      const waiting = new RegistryClient({ url: 'http://own.test', transport: silent });
      await expect(waiting.getManifest('app', 'v1', { timeout: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    });
  });

  describe('push with mountFrom', () => {
    it('links what the other repository has, and sends the rest', async () => {
      const { tar } = imageTar({ format: 'docker-containerd', layers: [text(50_000, 'base'), text(40_000, 'old')] });
      const { repository } = await client.push(tar, uniqueRepository('from'));
      const { tar: next } = imageTar({
        format: 'docker-containerd',
        layers: [text(50_000, 'base'), text(30_000, 'new')],
      });
      const result = await client.push(next, uniqueRepository('mounting'), { mountFrom: repository });
      expect(result.blobs).toEqual({ uploaded: 2, mounted: 1, skipped: 0 });
      await readBack(integrationRegistry(), result.repository, result.tag);
    });

    it('sends everything where there is nothing to mount from', async () => {
      const fresh = new RegistryClient({ url: integrationRegistry().url, cache: false });
      const result = await fresh.push(APP, uniqueRepository('mounting'), { mountFrom: uniqueRepository('none') });
      await fresh.close();
      expect(result.blobs.mounted).toBe(0);
      await readBack(integrationRegistry(), result.repository, result.tag);
    });
  });

  describe('resolve, tag and pushManifest', () => {
    it('resolve a tag without its content', async () => {
      const repository = await pushed();
      const { descriptor } = await client.getManifest(repository, 'v1');
      expect(await client.resolve(repository, 'v1')).toEqual(descriptor);
      expect(await client.resolve(repository, 'absent')).toBeUndefined();
    });

    it('give what is there another tag', async () => {
      const repository = await pushed();
      const { digest } = await client.tag(repository, 'v1', 'v2');
      expect((await client.resolve(repository, 'v2'))?.digest).toBe(digest);
      await expect(client.tag(repository, 'v1', 'not a tag')).rejects.toMatchObject({ code: 'TAG_INVALID' });
    });

    it('store a manifest from its exact bytes, and refuse what is none before anything is sent', async () => {
      const repository = await pushed();
      const { bytes, manifest } = await client.getManifest(repository, 'v1');
      const pretty = Buffer.from(JSON.stringify(manifest, undefined, 2));
      const stored = await client.pushManifest(repository, 'pretty', pretty);
      expect(stored.digest).toBe(parseManifest(pretty).descriptor.digest);
      expect((await client.getManifest(repository, 'pretty')).bytes.equals(pretty)).toBe(true);
      expect((await client.pushManifest(repository, 'same', bytes)).digest).toBe(
        (await client.resolve(repository, 'v1'))!.digest,
      );
      await expect(client.pushManifest(repository, 'bad', Buffer.from('{"schemaVersion":1}'))).rejects.toThrow(
        'schema 1',
      );
    });
  });

  describe('deleteTag', () => {
    it('says that distribution 2.8 cannot', async () => {
      const repository = await pushed();
      await expect(client.deleteTag(repository, 'v1')).rejects.toBeInstanceOf(UnsupportedError);
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v1']);
    });

    it('removes the one tag through an image of its own when that is allowed', async () => {
      const repository = await pushed();
      await client.tag(repository, 'v1', 'v2');
      await client.deleteTag(repository, 'v1', { fallback: true });
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v2']);
      await readBack(integrationRegistry(), repository, 'v2');
    });

    it('leaves the tag as it is where nothing can be deleted, and gives it back when a deletion fails', async () => {
      const inner = new EmbeddedTransport();
      let deletions = 0;
      const refusing = (from: number): Transport => ({
        async send(request) {
          if (request.method !== 'DELETE') return inner.send(request);
          const isTag = !request.url.pathname.includes('sha256:');
          if (!isTag && ++deletions < from) return inner.send(request);
          return { status: isTag ? 400 : 405, url: request.url, headers: {}, body: new PassThrough().end() };
        },
      });
      const own = new RegistryClient({ url: 'http://own.test', transport: inner });
      const { digest } = await own.push(APP, 'app:1');
      for (const from of [1, 2]) {
        deletions = 0;
        const limited = new RegistryClient({ url: 'http://own.test', transport: refusing(from) });
        await expect(limited.deleteTag('app', '1', { fallback: true })).rejects.toBeInstanceOf(UnsupportedError);
        expect((await own.resolve('app', '1'))?.digest).toBe(digest);
      }
    });

    it('creates nothing in order to delete it', async () => {
      const repository = await pushed();
      await expect(client.deleteTag(repository, 'v9', { fallback: true })).rejects.toBeInstanceOf(NotFoundError);
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v1']);
    });

    it('uses the deletion of tags where the registry has it', async () => {
      const own = new RegistryClient({ url: 'http://own.test', transport: new EmbeddedTransport() });
      await own.push(APP, 'app:1');
      await own.tag('app', '1', '2');
      await own.deleteTag('app', '1');
      expect(await collect(own.listTags('app'))).toEqual(['2']);
    });
  });

  describe('deleteImage', () => {
    it('refuses while other tags share the manifest, and names them', async () => {
      const repository = await pushed();
      await client.tag(repository, 'v1', 'v2');
      await expect(client.deleteImage(repository, 'v1')).rejects.toMatchObject({
        code: 'IMAGE_SHARED',
        message: expect.stringContaining('would also remove the tags v2'),
      });
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v1', 'v2']);
    });

    it('deletes the manifest and says which tags went with it', async () => {
      const repository = await pushed();
      const { digest } = await client.tag(repository, 'v1', 'v2');
      expect(await client.deleteImage(repository, 'v1', { force: true })).toEqual({ digest, untagged: ['v1', 'v2'] });
      expect(await readTags(integrationRegistry(), repository)).toEqual([]);
    });

    it('says what will go before it goes', async () => {
      const repository = await pushed();
      const { digest } = await client.tag(repository, 'v1', 'v2');
      const cancelled = new AbortController();
      const onProgress = (event: DeletionEvent): void => {
        expect(event).toEqual({ state: 'planned', digest, untagged: ['v1', 'v2'] });
        cancelled.abort(new Error('better not'));
      };
      const deleting = client.deleteImage(repository, 'v1', { force: true, onProgress, signal: cancelled.signal });
      await expect(deleting).rejects.toThrow('better not');
      expect(await readTags(integrationRegistry(), repository)).toEqual(['v1', 'v2']);
    });

    it('takes a digest, and asks before any tag goes with it', async () => {
      const repository = await pushed();
      const { digest } = (await client.resolve(repository, 'v1'))!;
      await expect(client.deleteImage(repository, digest)).rejects.toThrow('would also remove the tags v1');
      const deleted = await client.deleteImage(repository, digest, { force: true });
      expect(deleted).toEqual({ digest, untagged: ['v1'] });
    });

    it('takes the digest of an image without tags', async () => {
      const repository = await pushed(INDEX);
      const { digest } = (await client.getManifest(repository, 'v1', { platform: 'linux/arm64' })).descriptor;
      expect(await client.deleteImage(repository, digest)).toEqual({ digest, untagged: [] });
      expect(await client.resolve(repository, digest)).toBeUndefined();
    });

    it('says that there is nothing to delete', async () => {
      await expect(client.deleteImage(uniqueRepository('none'), 'v1')).rejects.toBeInstanceOf(NotFoundError);
      await expect(client.deleteImage(await pushed(), `sha256:${'0'.repeat(64)}`)).rejects.toBeInstanceOf(
        NotFoundError,
      );
    });
  });

  describe('deleteImageByDigest', () => {
    it('deletes one manifest', async () => {
      const repository = await pushed();
      const found = await client.resolve(repository, 'v1');
      await client.deleteImageByDigest(repository, found!.digest);
      expect(await client.resolve(repository, 'v1')).toBeUndefined();
      await expect(client.deleteImageByDigest(repository, 'v1')).rejects.toThrow(/not a digest/);
    });
  });

  describe('when the registry lies about a manifest', () => {
    it.each(['getManifest', 'pull', 'copy'] as const)('%s notices and leaves nothing', async (operation) => {
      const inner = new EmbeddedTransport();
      await new RegistryClient({ url: 'http://own.test', transport: inner }).push(APP, 'app:1');
      const lying = new RegistryClient({ url: 'http://own.test', transport: otherManifests(inner) });
      const target = await mkdtemp(join(folder, 'lie-'));
      const calls = {
        getManifest: () => lying.getManifest('app', '1'),
        pull: () => lying.pull('app:1', join(target, 'a.tar')),
        copy: () => lying.copy('app:1', 'copied:1'),
      };
      await expect(calls[operation]()).rejects.toBeInstanceOf(DigestMismatchError);
      expect(await readdir(target)).toEqual([]);
      expect(await lying.resolve('copied', '1')).toBeUndefined();
    });
  });

  describe('when the registry lies about a blob', () => {
    it.each([
      ['one bit flipped', (bytes: Buffer) => Buffer.concat([Buffer.from([bytes[0]! ^ 1]), bytes.subarray(1)])],
      ['its end missing', (bytes: Buffer) => bytes.subarray(0, -1)],
    ])('notices %s and leaves no file', async (_, lie) => {
      const transport = new EmbeddedTransport();
      const honest = new RegistryClient({ url: 'http://own.test', transport });
      await honest.push(APP, 'app:1');
      const lying = new RegistryClient({
        url: 'http://own.test',
        transport: lyingTransport(transport, lie),
        retry: { retries: 0 },
      });
      const target = await mkdtemp(join(folder, 'lie-'));
      await expect(lying.pull('app:1', join(target, 'a.tar'))).rejects.toBeInstanceOf(DigestMismatchError);
      expect(await readdir(target)).toEqual([]);
    });
  });
});

/** Adds a space to every manifest, which changes its digest and nothing else. */
function otherManifests(inner: EmbeddedTransport): Pick<EmbeddedTransport, 'send'> {
  return {
    async send(request) {
      const response = await inner.send(request);
      if (request.method !== 'GET' || !request.url.pathname.includes('/manifests/')) return response;
      const body = new PassThrough();
      body.end(Buffer.concat([await buffer(response.body), Buffer.from(' ')]));
      return { ...response, body };
    },
  };
}

/** Changes the content of the largest blobs on their way, but not what is said about them. */
function lyingTransport(inner: EmbeddedTransport, lie: (bytes: Buffer) => Buffer): Pick<EmbeddedTransport, 'send'> {
  return {
    async send(request) {
      const response = await inner.send(request);
      if (request.method !== 'GET' || !request.url.pathname.includes('/blobs/')) return response;
      const body = new PassThrough();
      body.end(lie(await buffer(response.body)));
      const { 'content-length': _, ...headers } = response.headers;
      return { ...response, headers, body };
    },
  };
}
