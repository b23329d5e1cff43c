import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import {
  AuthenticationError,
  DigestMismatchError,
  InvalidArgumentError,
  NotFoundError,
  RegistryError,
  UnsupportedError,
} from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { encodeManifest, MAX_MANIFEST_SIZE } from '../../lib/oci/manifest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { ManifestService } from '../../lib/services/manifest-service.js';
import type { FakeReply } from '../support/fake-transport.js';
import { OPTIONS, refusal, scripted, type Step, told } from './scripted.js';

const RAW = encodeManifest({
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  config: { mediaType: MediaType.ociConfig, digest: digestOf('config'), size: 6 },
  layers: [{ mediaType: MediaType.ociLayerGzip, digest: digestOf('layer'), size: 5 }],
});
const { descriptor, bytes, manifest } = RAW;
const { digest } = descriptor;
const OTHER = digestOf('other');

const TAG = '/v2/team/app/manifests/v1';
const PINNED = `/v2/team/app/manifests/${digest}`;
const served = (more: FakeReply = {}): FakeReply => ({
  body: bytes,
  ...more,
  headers: { 'content-type': MediaType.ociManifest, ...more.headers },
});
const described = (headers: Record<string, string> = {}): FakeReply => ({
  headers: {
    'content-type': MediaType.ociManifest,
    'content-length': String(bytes.length),
    'docker-content-digest': digest,
    ...headers,
  },
});

function without(reply: FakeReply, name: string): FakeReply {
  const headers = Object.entries(reply.headers ?? {}).filter(([key]) => key !== name);
  return { ...reply, headers: Object.fromEntries(headers) };
}

function setUp(...steps: Step[]) {
  const transport = scripted(...steps);
  return { transport, manifests: new ManifestService(transport, OPTIONS) };
}

describe('ManifestService', () => {
  describe('resolve', () => {
    it('says what a tag stands for, by HEAD alone', async () => {
      const { transport, manifests } = setUp(described({ 'content-type': `${MediaType.ociManifest}; charset=utf-8` }));
      await expect(manifests.resolve('team/app', 'v1')).resolves.toEqual(descriptor);
      expect(told(transport)).toEqual([`HEAD ${TAG}`]);
    });

    it('says that there is none', async () => {
      const { manifests } = setUp(404, refusal(400, 'NAME_UNKNOWN'), 405, refusal(404, 'MANIFEST_UNKNOWN'));
      await expect(manifests.resolve('team/app', 'v1')).resolves.toBeUndefined();
      await expect(manifests.resolve('team/app', 'v1')).resolves.toBeUndefined();
      await expect(manifests.resolve('team/app', 'v1')).resolves.toBeUndefined();
    });

    it.each(['docker-content-digest', 'content-type', 'content-length'])(
      'fetches it where %s is missing',
      async (name) => {
        const { transport, manifests } = setUp(without(described(), name), served());
        await expect(manifests.resolve('team/app', 'v1')).resolves.toEqual(descriptor);
        expect(told(transport)).toEqual([`HEAD ${TAG}`, `GET ${TAG}`]);
      },
    );

    it.each([
      ['docker-content-digest', 'sha256:../x'],
      ['content-length', 'many'],
    ])('fetches it where %s is %s', async (name, value) => {
      const { manifests } = setUp(described({ [name]: value }), served());
      await expect(manifests.resolve('team/app', 'v1')).resolves.toEqual(descriptor);
    });

    it.each([403, 405])('fetches it where HEAD is answered with %i, which has no room for a reason', async (status) => {
      const { transport, manifests } = setUp(status, served());
      await expect(manifests.resolve('team/app', 'v1')).resolves.toEqual(descriptor);
      expect(told(transport)).toEqual([`HEAD ${TAG}`, `GET ${TAG}`]);
      const refused = setUp(status, refusal(403, 'DENIED', 'not yours'));
      await expect(refused.manifests.resolve('team/app', 'v1')).rejects.toThrow('DENIED: not yours');
    });

    it('needs no digest where it was asked by one', async () => {
      const { transport, manifests } = setUp(without(described(), 'docker-content-digest'));
      await expect(manifests.resolve('team/app', digest)).resolves.toEqual(descriptor);
      expect(told(transport)).toEqual([`HEAD ${PINNED}`]);
    });

    it('refuses another digest than it was asked by', async () => {
      const { manifests } = setUp(described({ 'docker-content-digest': OTHER }));
      const failing = manifests.resolve('team/app', digest);
      await expect(failing).rejects.toBeInstanceOf(DigestMismatchError);
      await expect(failing).rejects.toMatchObject({ expected: digest, actual: OTHER });
    });

    it.each([401, 429, 500])('does not take a %i for an absence', async (status) => {
      await expect(setUp(status).manifests.resolve('team/app', 'v1')).rejects.toMatchObject({ status });
    });
  });

  describe('fetch', () => {
    it('gives the exact bytes, their digest, and what they say', async () => {
      const { transport, manifests } = setUp(served());
      await expect(manifests.fetch('team/app', 'v1')).resolves.toEqual({ descriptor, bytes, manifest });
      expect(told(transport)).toEqual([`GET ${TAG}`]);
    });

    it('asks for every type it can read, or the registry may convert it', async () => {
      const { transport, manifests } = setUp(served());
      await manifests.fetch('team/app', 'v1');
      expect(transport.requests[0]?.headers).toEqual({
        accept: [
          'application/vnd.oci.image.index.v1+json',
          'application/vnd.oci.image.manifest.v1+json',
          'application/vnd.docker.distribution.manifest.list.v2+json',
          'application/vnd.docker.distribution.manifest.v2+json',
          '*/*;q=0.1',
        ].join(', '),
      });
    });

    it('asks for the access it needs', async () => {
      const { transport, manifests } = setUp(served(), served());
      await manifests.fetch('team/app', 'v1');
      await manifests.fetch('team/app', 'v1', { forPush: true });
      expect(transport.requests.map(({ scopes }) => scopes)).toEqual([
        ['repository:team/app:pull'],
        ['repository:team/app:pull,push'],
      ]);
    });

    it('computes the digest from the bytes as they came', async () => {
      const spaced = Buffer.from(JSON.stringify(manifest, undefined, 3));
      const { manifests } = setUp(served({ body: spaced, headers: { 'docker-content-digest': 'none' } }));
      const raw = await manifests.fetch('team/app', 'v1');
      expect(raw.bytes).toEqual(spaced);
      expect(raw.descriptor).toEqual({ ...descriptor, digest: digestOf(spaced), size: spaced.length });
    });

    it.each([['sha256' as const], ['sha512' as const]])(
      'checks it against the %s the registry names',
      async (algorithm) => {
        const told = digestOf(bytes, algorithm);
        const honest = setUp(served({ headers: { 'docker-content-digest': told } })).manifests;
        expect((await honest.fetch('team/app', 'v1')).descriptor.digest).toBe(digest);
        const lie = digestOf('other', algorithm);
        const lies = served({ headers: { 'docker-content-digest': lie } });
        const lying = setUp(lies, lies).manifests.fetch('team/app', 'v1');
        await expect(lying).rejects.toBeInstanceOf(DigestMismatchError);
        await expect(lying).rejects.toMatchObject({ expected: lie, actual: told });
      },
    );

    it.each(['json', 'prettyjws'])('says that schema 1 as %s is not read, whatever its digest', async (suffix) => {
      const headers = {
        'content-type': `application/vnd.docker.distribution.manifest.v1+${suffix}`,
        'docker-content-digest': OTHER,
      };
      const { manifests } = setUp(served({ headers, body: '{"schemaVersion":1}' }));
      await expect(manifests.fetch('team/app', 'v1')).rejects.toMatchObject({
        code: 'MANIFEST_INVALID',
        message: expect.stringContaining('Docker schema 1'),
      });
    });

    it.each(['v1', digest])('fetches once more what was damaged on its way, by %s', async (reference) => {
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 2] = bytes.readUInt8(bytes.length - 2) ^ 1;
      const headers = { 'docker-content-digest': digest };
      const { transport, manifests } = setUp(served({ body: flipped, headers }), served({ headers }));
      expect((await manifests.fetch('team/app', reference)).bytes).toEqual(bytes);
      expect(transport.requests).toHaveLength(2);
    });

    it('refuses other bytes than it was asked for', async () => {
      const { manifests } = setUp(served(), served());
      const failing = manifests.fetch('team/app', OTHER);
      await expect(failing).rejects.toBeInstanceOf(DigestMismatchError);
      await expect(failing).rejects.toMatchObject({ expected: OTHER, actual: digest });
    });

    it('keeps the algorithm it was asked by', async () => {
      const sha512 = digestOf(bytes, 'sha512');
      const { manifests } = setUp(served(), served(), served());
      await expect(manifests.fetch('team/app', sha512)).resolves.toMatchObject({ descriptor: { digest: sha512 } });
      await expect(manifests.fetch('team/app', digestOf('x', 'sha512'))).rejects.toBeInstanceOf(DigestMismatchError);
    });

    it.each([
      ['both an image and an index', JSON.stringify({ ...manifest, manifests: [] }), MediaType.ociManifest],
      ['served as what it is not', JSON.stringify(manifest), MediaType.ociIndex],
      ['no JSON', '<html>', 'text/html'],
      ['a list', '[]', MediaType.ociManifest],
      ['without layers', JSON.stringify({ ...manifest, layers: undefined }), MediaType.ociManifest],
      [
        'with a bad digest',
        JSON.stringify({ ...manifest, layers: [{ digest: 'sha256:../x' }] }),
        MediaType.ociManifest,
      ],
      [
        'of the first schema',
        '{"schemaVersion":1,"fsLayers":[]}',
        'application/vnd.docker.distribution.manifest.v1+json',
      ],
    ])('refuses a manifest that is %s', async (_, body, type) => {
      const { manifests } = setUp(served({ body, headers: { 'content-type': type } }));
      const error = await manifests.fetch('team/app', 'v1').catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).toMatchObject({ code: 'MANIFEST_INVALID', status: 200, retryable: false });
      expect((error as Error).message).toMatch(/^fetching the manifest team\/app:v1: /);
    });

    it('reads up to twice what registries must take, and no more', async () => {
      const fitting = Buffer.concat([bytes, Buffer.alloc(2 * MAX_MANIFEST_SIZE - bytes.length, ' ')]);
      await expect(setUp(served({ body: fitting })).manifests.fetch('team/app', 'v1')).resolves.toBeDefined();
      let produced = 0;
      const endless = new Readable({
        read() {
          produced += 1024 * 1024;
          this.push(Buffer.alloc(1024 * 1024, ' '));
        },
      });
      const { manifests } = setUp(served({ body: endless }));
      await expect(manifests.fetch('team/app', 'v1')).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
      expect(produced).toBeLessThan(16 * 1024 * 1024);
      expect(endless.destroyed).toBe(true);
    });

    it('says that it is not there', async () => {
      const { manifests } = setUp(refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown'));
      const failing = manifests.fetch('team/app', 'v1');
      await expect(failing).rejects.toBeInstanceOf(NotFoundError);
      await expect(failing).rejects.toThrow(
        `fetching the manifest team/app:v1: GET http://registry.example${TAG} answered 404 Not Found (MANIFEST_UNKNOWN: manifest unknown)`,
      );
    });

    it.each([
      ['Team', 'v1'],
      ['team/app', ''],
      ['team/app', 'sha256:xyz'],
      ['team/app', '../x'],
    ])('sends nothing for %s and %s', async (repository, reference) => {
      const { transport, manifests } = setUp();
      await expect(manifests.fetch(repository, reference)).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.requests).toHaveLength(0);
    });
  });

  describe('push', () => {
    it('puts the exact bytes under their type', async () => {
      const { transport, manifests } = setUp({ status: 201, headers: { 'docker-content-digest': digest } });
      await expect(manifests.push('team/app', 'v1', RAW)).resolves.toEqual(descriptor);
      expect(told(transport)).toEqual([`PUT ${TAG} ${bytes.length} bytes`]);
      expect(transport.requests[0]).toMatchObject({
        headers: { 'content-type': MediaType.ociManifest },
        body: { size: bytes.length },
        content: bytes,
        scopes: ['repository:team/app:pull,push'],
      });
      expect(transport.requests[0]?.repeatable).toBeUndefined();
    });

    it('may name a digest in place of a tag', async () => {
      const { transport, manifests } = setUp(201);
      await manifests.push('team/app', digest, RAW);
      expect(told(transport)).toEqual([`PUT ${PINNED} ${bytes.length} bytes`]);
    });

    it.each([
      ['the registry stored something else', { status: 201, headers: { 'docker-content-digest': OTHER } }],
      ['its digest was found to be wrong', refusal(400, 'DIGEST_INVALID')],
    ])('sends it once more when %s: it was damaged on its way', async (_, first) => {
      const { transport, manifests } = setUp(first, { status: 201, headers: { 'docker-content-digest': digest } });
      await expect(manifests.push('team/app', 'v1', RAW)).resolves.toEqual(descriptor);
      expect(told(transport)).toEqual(Array.from({ length: 2 }, () => `PUT ${TAG} ${bytes.length} bytes`));
    });

    it('refuses a registry that always stores something else', async () => {
      const stored = { status: 201, headers: { 'docker-content-digest': OTHER } };
      const { manifests } = setUp(stored, stored);
      await expect(manifests.push('team/app', 'v1', RAW)).rejects.toMatchObject({
        name: 'DigestMismatchError',
        expected: digest,
        actual: OTHER,
      });
    });

    it('may be pushed under another algorithm', async () => {
      const sha512 = digestOf(bytes, 'sha512');
      const { manifests } = setUp(
        { status: 201, headers: { 'docker-content-digest': sha512 } },
        { status: 201, headers: { 'docker-content-digest': digest } },
      );
      await expect(manifests.push('team/app', sha512, RAW)).resolves.toEqual(descriptor);
      await expect(manifests.push('team/app', sha512, RAW)).resolves.toEqual(descriptor);
    });

    it.each([200, 202, 204, 301])('does not take a %i for stored', async (status) => {
      await expect(setUp(status).manifests.push('team/app', 'v1', RAW)).rejects.toMatchObject({ status });
    });

    it('says which blob is missing', async () => {
      const { manifests } = setUp(refusal(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'));
      await expect(manifests.push('team/app', 'v1', RAW)).rejects.toMatchObject({
        constructor: RegistryError,
        code: 'MANIFEST_BLOB_UNKNOWN',
        status: 400,
      });
    });

    it('says who may not', async () => {
      const { manifests } = setUp(refusal(403, 'DENIED'));
      await expect(manifests.push('team/app', 'v1', RAW)).rejects.toBeInstanceOf(AuthenticationError);
    });
  });

  describe('delete', () => {
    it.each([200, 202, 204])('is done with %i', async (status) => {
      const { transport, manifests } = setUp(status);
      await expect(manifests.delete('team/app', digest)).resolves.toBeUndefined();
      expect(told(transport)).toEqual([`DELETE ${PINNED}`]);
      expect(transport.requests[0]?.scopes).toEqual(['repository:team/app:delete,pull']);
    });

    it('says that the registry does not delete', async () => {
      const failing = setUp(refusal(405, 'UNSUPPORTED')).manifests.delete('team/app', 'v1');
      await expect(failing).rejects.toBeInstanceOf(UnsupportedError);
      await expect(failing).rejects.toThrow('deleting the manifest team/app:v1');
    });
  });

  it.each(['resolve', 'fetch', 'delete'] as const)('%s can be aborted', async (way) => {
    const { manifests } = setUp();
    await expect(manifests[way]('team/app', 'v1', { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
  });
});
