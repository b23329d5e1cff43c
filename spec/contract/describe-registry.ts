import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../lib/oci/digest.js';
import type { Transport } from '../../lib/transport/transport.js';
import { uniqueRepository } from '../support/unique.js';
import {
  Caller,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  dockerImageOf,
  imageOf,
  indexOf,
  jsonOf,
  OCI_INDEX,
  OCI_MANIFEST,
  outcomeOf,
  streamed,
  withDigest,
} from './caller.js';
import { DIFFERENCES, type RegistryKind } from './differences.js';

export interface RegistryUnderTest {
  url: URL;
  transport: Transport;
  stop(): Promise<void> | void;
}

/**
 * What every registry does that this package speaks to: all of it what distribution 2.8 with deletes enabled does, too, but
 * for the table in differences.ts.
 */
export function describeRegistry(
  name: string,
  start: () => Promise<RegistryUnderTest>,
  kind: RegistryKind = 'spec',
): void {
  describe(`${name} as a registry`, () => {
    let registry: RegistryUnderTest;
    let caller: Caller;
    let repository: string;

    beforeAll(async () => {
      registry = await start();
      caller = new Caller(registry.transport, registry.url);
    });

    afterAll(() => registry.stop());

    beforeEach(() => {
      repository = uniqueRepository('contract');
    });

    it('says that it speaks the API', async () => {
      const answer = await caller.call('GET', '/v2/');
      expect(answer.status).toBe(200);
      expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
    });

    describe('a blob', () => {
      it('is pushed by POST and PUT, and is where the answer says', async () => {
        const content = 'a small blob';
        const digest = digestOf(content);
        const location = await caller.startUpload(repository);
        const pushed = await caller.call('PUT', withDigest(location, digest), { body: content });
        expect(pushed.status).toBe(201);
        expect(pushed.headers['docker-content-digest']).toBe(digest);
        const fetched = await caller.call('GET', pushed.headers.location ?? '');
        expect([fetched.status, fetched.body.toString()]).toEqual([200, content]);
      });

      it('is described by HEAD without its bytes', async () => {
        const digest = await caller.pushBlob(repository, 'twelve bytes');
        const answer = await caller.call('HEAD', `/v2/${repository}/blobs/${digest}`);
        expect(answer.status).toBe(200);
        expect(answer.headers).toMatchObject({ 'content-length': '12', 'docker-content-digest': digest });
        expect(answer.body).toHaveLength(0);
      });

      it('comes in parts', async () => {
        const digest = await caller.pushBlob(repository, '0123456789');
        const path = `/v2/${repository}/blobs/${digest}`;
        const middle = await caller.call('GET', path, { headers: { range: 'bytes=2-4' } });
        expect([middle.status, middle.body.toString()]).toEqual([206, '234']);
        expect(middle.headers).toMatchObject({ 'content-range': 'bytes 2-4/10', 'content-length': '3' });
        const rest = await caller.call('GET', path, { headers: { range: 'bytes=7-' } });
        expect([rest.status, rest.body.toString()]).toEqual([206, '789']);
      });

      it('comes from its end, too, and never from beyond it', async () => {
        const path = `/v2/${repository}/blobs/${await caller.pushBlob(repository, '0123456789')}`;
        const part = async (range: string) => {
          const { status, headers, body } = await caller.call('GET', path, { headers: { range } });
          return [status, headers['content-range'], body.toString()];
        };
        expect(await part('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789']);
        expect(await part('bytes=8-100')).toEqual([206, 'bytes 8-9/10', '89']);
      });

      it('may be under a sha512 digest', async () => {
        const digest = digestOf('long digest', 'sha512');
        const location = withDigest(await caller.startUpload(repository), digest);
        expect((await caller.call('PUT', location, { body: 'long digest' })).status).toBe(201);
        const answer = await caller.call('GET', `/v2/${repository}/blobs/${digest}`);
        expect([answer.status, answer.body.toString()]).toEqual([200, 'long digest']);
      });

      it('may be empty', async () => {
        const digest = await caller.pushBlob(repository, '');
        const answer = await caller.call('GET', `/v2/${repository}/blobs/${digest}`);
        expect([answer.status, answer.body.length]).toEqual([200, 0]);
      });

      it('that is not there is unknown', async () => {
        const path = `/v2/${repository}/blobs/${digestOf('never pushed')}`;
        expect(outcomeOf(await caller.call('GET', path))).toBe('404 BLOB_UNKNOWN');
        expect((await caller.call('HEAD', path)).status).toBe(404);
      });

      it('is gone once deleted', async () => {
        const path = `/v2/${repository}/blobs/${await caller.pushBlob(repository, 'short-lived')}`;
        expect((await caller.call('DELETE', path)).status).toBe(202);
        expect((await caller.call('HEAD', path)).status).toBe(404);
        expect(outcomeOf(await caller.call('DELETE', path))).toBe('404 BLOB_UNKNOWN');
      });
    });

    describe('an upload', () => {
      it('takes a stream of unknown length', async () => {
        const pieces = ['one ', 'two ', 'three'];
        const location = await caller.startUpload(repository);
        const appended = await caller.call('PATCH', location, { body: streamed(...pieces) });
        expect([appended.status, appended.headers.range]).toEqual([202, '0-12']);
        const digest = digestOf(pieces.join(''));
        const done = await caller.call('PUT', withDigest(appended.headers.location ?? '', digest));
        expect(done.status).toBe(201);
        expect((await caller.call('GET', `/v2/${repository}/blobs/${digest}`)).body.toString()).toBe(pieces.join(''));
      });

      it('takes chunks in order, the last one with the digest', async () => {
        const chunk = { 'content-type': 'application/octet-stream' };
        const first = await caller.call('PATCH', await caller.startUpload(repository), {
          headers: { ...chunk, 'content-range': '0-4' },
          body: 'first',
        });
        expect([first.status, first.headers.range]).toEqual([202, '0-4']);
        const second = await caller.call('PATCH', first.headers.location ?? '', {
          headers: { ...chunk, 'content-range': '5-10' },
          body: 'second',
        });
        expect([second.status, second.headers.range]).toEqual([202, '0-10']);
        const digest = digestOf('firstsecondlast');
        const done = await caller.call('PUT', withDigest(second.headers.location ?? '', digest), {
          headers: { ...chunk, 'content-range': '11-14' },
          body: 'last',
        });
        expect(done.status).toBe(201);
      });

      it('tells how much has arrived', async () => {
        const appended = await caller.call('PATCH', await caller.startUpload(repository), { body: 'twelve bytes' });
        const status = await caller.call('GET', appended.headers.location ?? '');
        expect([status.status, status.headers.range]).toEqual([204, '0-11']);
        const digest = digestOf('twelve bytes');
        expect((await caller.call('PUT', withDigest(status.headers.location ?? '', digest))).status).toBe(201);
      });

      it('is over after a wrong digest', async () => {
        const location = withDigest(await caller.startUpload(repository), digestOf('something else'));
        expect(outcomeOf(await caller.call('PUT', location, { body: 'content' }))).toBe('400 DIGEST_INVALID');
        expect((await caller.call('PUT', location, { body: 'something else' })).status).toBe(404);
      });

      it('is over when it is cancelled', async () => {
        const location = await caller.startUpload(repository);
        expect((await caller.call('DELETE', location)).status).toBe(204);
        expect(outcomeOf(await caller.call('GET', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      });
    });

    describe('a mount', () => {
      it('brings a blob over from another repository', async () => {
        const source = `${repository}/source`;
        const digest = await caller.pushBlob(source, 'shared');
        const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(source)}`;
        const mounted = await caller.call('POST', `/v2/${repository}/blobs/uploads/?${query}`);
        expect(mounted.status).toBe(201);
        const fetched = await caller.call('GET', mounted.headers.location ?? '');
        expect(fetched.body.toString()).toBe('shared');
      });

      it('becomes an upload where the blob is not', async () => {
        const digest = digestOf('not there yet');
        const query = `mount=${encodeURIComponent(digest)}&from=contract/nowhere`;
        const answer = await caller.call('POST', `/v2/${repository}/blobs/uploads/?${query}`);
        expect(answer.status).toBe(202);
        const location = withDigest(answer.headers.location ?? '', digest);
        expect((await caller.call('PUT', location, { body: 'not there yet' })).status).toBe(201);
      });

      it.each([`mount=${digestOf('x')}&from=NoName`, 'mount=sha256:none&from=contract/nowhere'])(
        'becomes an upload where it makes no sense: %s',
        async (query) => {
          expect((await caller.call('POST', `/v2/${repository}/blobs/uploads/?${query}`)).status).toBe(202);
        },
      );
    });

    describe('a manifest', () => {
      const accept = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(', ');

      it('is there under its tag and its digest, byte for byte', async () => {
        const { digest, bytes, mediaType } = await caller.pushImage(repository, 'v1');
        for (const reference of ['v1', digest]) {
          const path = `/v2/${repository}/manifests/${reference}`;
          const fetched = await caller.call('GET', path, { headers: { accept } });
          expect([fetched.status, fetched.body.equals(bytes)]).toEqual([200, true]);
          const described = await caller.call('HEAD', path, { headers: { accept } });
          expect([described.status, described.body.length]).toEqual([200, 0]);
          for (const { headers } of [fetched, described]) {
            expect(headers).toMatchObject({
              'content-type': mediaType,
              'content-length': String(bytes.length),
              'docker-content-digest': digest,
            });
          }
        }
      });

      it('may be pushed under its digest', async () => {
        await caller.pushBlob(repository, '{}');
        const manifest = imageOf('{}');
        const digest = digestOf(JSON.stringify(manifest));
        const pushed = await caller.putManifest(repository, digest, manifest);
        expect([pushed.status, pushed.headers['docker-content-digest']]).toEqual([201, digest]);
        expect((await caller.call('GET', pushed.headers.location ?? '', { headers: { accept } })).status).toBe(200);
      });

      it('of Docker is kept as one', async () => {
        await caller.pushBlob(repository, '{}');
        await caller.pushBlob(repository, 'layer');
        await caller.pushManifest(repository, 'v1', dockerImageOf('{}', 'layer'));
        const answer = await caller.call('HEAD', `/v2/${repository}/manifests/v1`, { headers: { accept } });
        expect(answer.headers['content-type']).toBe(DOCKER_MANIFEST);
      });

      it.each([OCI_INDEX, DOCKER_LIST])('may be an index, %s', async (mediaType) => {
        const child = await caller.pushImage(repository, 'child');
        const { bytes } = await caller.pushManifest(repository, 'all', indexOf(mediaType, child));
        const answer = await caller.call('GET', `/v2/${repository}/manifests/all`, { headers: { accept } });
        expect([answer.headers['content-type'], answer.body.equals(bytes)]).toEqual([mediaType, true]);
      });

      it('moves a tag', async () => {
        await caller.pushImage(repository, 'v1', {}, 'old');
        const { digest } = await caller.pushImage(repository, 'v1', {}, 'new');
        const answer = await caller.call('HEAD', `/v2/${repository}/manifests/v1`, { headers: { accept } });
        expect(answer.headers['docker-content-digest']).toBe(digest);
      });

      it('is refused under a wrong digest', async () => {
        await caller.pushBlob(repository, '{}');
        const answer = await caller.putManifest(repository, digestOf('another'), imageOf('{}'));
        expect(outcomeOf(answer)).toBe('400 DIGEST_INVALID');
      });

      it('is refused while a blob is missing', async () => {
        await caller.pushBlob(repository, '{}');
        const answer = await caller.putManifest(repository, 'v1', imageOf('{}', 'never pushed'));
        expect(outcomeOf(answer)).toBe('400 MANIFEST_BLOB_UNKNOWN');
        expect(answer.body.toString()).toContain(digestOf('never pushed'));
      });

      it('is refused when it is no manifest', async () => {
        const answer = await caller.call('PUT', `/v2/${repository}/manifests/v1`, {
          headers: { 'content-type': OCI_MANIFEST },
          body: 'no JSON',
        });
        expect(outcomeOf(answer)).toBe('400 MANIFEST_INVALID');
      });

      it('that is not there is unknown', async () => {
        await caller.pushImage(repository, 'v1');
        const path = `/v2/${repository}/manifests/`;
        expect(outcomeOf(await caller.call('GET', `${path}v2`, { headers: { accept } }))).toBe('404 MANIFEST_UNKNOWN');
        const digest = digestOf('never pushed');
        expect(outcomeOf(await caller.call('GET', path + digest, { headers: { accept } }))).toBe(
          '404 MANIFEST_UNKNOWN',
        );
      });

      it('is not there under what is no tag, and refused under it', async () => {
        await caller.pushImage(repository, 'v1');
        for (const reference of ['.INVALID_MANIFEST_NAME', '-dash', 'a'.repeat(129)]) {
          const path = `/v2/${repository}/manifests/${reference}`;
          expect((await caller.call('GET', path, { headers: { accept } })).status).toBe(404);
          expect((await caller.call('HEAD', path, { headers: { accept } })).status).toBe(404);
          expect((await caller.putManifest(repository, reference, imageOf('{}'))).status).toBeGreaterThanOrEqual(400);
        }
      });

      it('takes its tags with it when it is deleted', async () => {
        const { digest } = await caller.pushImage(repository, 'v1');
        await caller.pushImage(repository, 'latest');
        expect((await caller.call('DELETE', `/v2/${repository}/manifests/${digest}`)).status).toBe(202);
        for (const reference of ['v1', 'latest', digest]) {
          const answer = await caller.call('HEAD', `/v2/${repository}/manifests/${reference}`, { headers: { accept } });
          expect(answer.status).toBe(404);
        }
      });
    });

    describe('a list', () => {
      it('has every tag', async () => {
        for (const tag of ['v2', 'latest', 'v1']) await caller.pushImage(repository, tag);
        const answer = await caller.call('GET', `/v2/${repository}/tags/list`);
        const { name: listed, tags } = jsonOf<{ name: string; tags: string[] }>(answer);
        expect([listed, [...tags].sort()]).toEqual([repository, ['latest', 'v1', 'v2']]);
      });

      it('of tags is unknown where the repository is', async () => {
        expect(outcomeOf(await caller.call('GET', `/v2/${repository}/tags/list`))).toBe('404 NAME_UNKNOWN');
      });

      it('of repositories comes in pages, linked to one another', async () => {
        const mine = ['a', 'b', 'c'].map((part) => `${repository}/${part}`);
        for (const one of mine) await caller.pushImage(one, 'v1');
        const seen: string[] = [];
        let next: string | undefined = '/v2/_catalog?n=1';
        while (next !== undefined) {
          const answer = await caller.call('GET', next);
          seen.push(...jsonOf<{ repositories: string[] }>(answer).repositories);
          next = /^<([^>]*)>; rel="next"$/.exec(answer.headers.link ?? '')?.[1];
        }
        expect(seen.filter((one) => one.startsWith(repository))).toEqual(mine);
        expect(new Set(seen).size).toBe(seen.length);
      });
    });

    describe('where registries differ', () => {
      const rows = DIFFERENCES.map((row) => [row.what, row[kind], row] as const);
      it.each(rows)('%s is answered with %s', async (_, expected, row) => {
        expect(await row.ask(caller, repository)).toBe(expected);
      });
    });
  });
}
