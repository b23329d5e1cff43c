import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { digestOf } from '../../lib/oci/digest.js';
import { type Answer, Caller, outcomeOf, streamed, withDigest } from '../contract/caller.js';

describe('UploadRoutes', () => {
  let caller: Caller;
  let store: MemoryStore;

  beforeEach(() => {
    store = new MemoryStore();
    caller = new Caller(new EmbeddedTransport(new EmbeddedRegistry({ store })));
  });

  const start = (query = ''): Promise<Answer> => caller.call('POST', `/v2/app/blobs/uploads/${query}`);
  const blob = (digest: string): Promise<Answer> => caller.call('GET', `/v2/app/blobs/${digest}`);
  const chunk = (location: string, range: string, body: string, method = 'PATCH'): Promise<Answer> =>
    caller.call(method, location, { headers: { 'content-range': range }, body });

  /** Watches the writers that uploads get from now on. */
  const spyOnWriter = (method: 'read' | 'discard') => {
    const spy = jest.fn();
    const createBlob = store.createBlob.bind(store);
    store.createBlob = () => {
      const writer = createBlob();
      return { ...writer, [method]: () => (spy(), writer[method]()) };
    };
    return spy;
  };

  describe('POST', () => {
    it('starts a session with a relative location', async () => {
      const { status, headers } = await start();
      const id = headers['docker-upload-uuid'] ?? '';
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(status).toBe(202);
      expect(headers).toMatchObject({ location: `/v2/app/blobs/uploads/${id}`, range: '0-0', 'content-length': '0' });
      expect(headers).not.toHaveProperty('oci-chunk-min-length');
    });

    it('starts another one every time', async () => {
      expect((await start()).headers.location).not.toBe((await start()).headers.location);
    });

    it('hashes with the algorithm it is told, and refuses others', async () => {
      const read = spyOnWriter('read');
      const digest = digestOf('content', 'sha512');
      const { headers } = await start('?digest-algorithm=sha512');
      await caller.call('PATCH', headers.location ?? '', { body: 'content' });
      expect((await caller.call('PUT', withDigest(headers.location ?? '', digest))).status).toBe(201);
      expect(read).not.toHaveBeenCalled();
      expect(outcomeOf(await start('?digest-algorithm=md5'))).toBe('400 DIGEST_INVALID');
    });

    it('drops uploads that nobody has written to for an hour', async () => {
      const discard = spyOnWriter('discard');
      const now = jest.spyOn(Date, 'now');
      const [old, used] = [(await start()).headers.location ?? '', (await start()).headers.location ?? ''];
      now.mockReturnValue(Date.now() + 59 * 60_000);
      await caller.call('PATCH', used, { body: 'content' });
      now.mockReturnValue(Date.now() + 2 * 60_000);
      await start();
      now.mockRestore();
      expect(outcomeOf(await caller.call('GET', old))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      expect((await caller.call('GET', used)).status).toBe(204);
      expect(discard).toHaveBeenCalledTimes(1);
    });

    it('makes no repository', async () => {
      await start();
      expect(store.listRepositories()).toEqual([]);
    });

    it.each(['sha256', 'sha512'] as const)('takes a whole blob when a %s digest comes with it', async (algorithm) => {
      const digest = digestOf('whole', algorithm);
      const answer = await caller.call('POST', `/v2/app/blobs/uploads/?digest=${encodeURIComponent(digest)}`, {
        body: 'whole',
      });
      expect(answer.status).toBe(201);
      expect(answer.headers).toMatchObject({ location: `/v2/app/blobs/${digest}`, 'docker-content-digest': digest });
      expect((await blob(digest)).body.toString()).toBe('whole');
    });

    it('refuses a whole blob with another digest', async () => {
      const path = `/v2/app/blobs/uploads/?digest=${digestOf('other')}`;
      expect(outcomeOf(await caller.call('POST', path, { body: 'whole' }))).toBe('400 DIGEST_INVALID');
      expect(store.listRepositories()).toEqual([]);
    });

    it('keeps nothing of a whole blob that broke off', async () => {
      const discard = spyOnWriter('discard');
      const source = new PassThrough();
      const path = `/v2/app/blobs/uploads/?digest=${digestOf('whole')}`;
      const sending = caller.call('POST', path, { body: { open: () => source } });
      source.write('who');
      setImmediate(() => source.destroy(new Error('connection lost')));
      await expect(sending).rejects.toThrow('connection lost');
      expect(discard).toHaveBeenCalledTimes(1);
    });

    it('refuses what is no digest, before anything is stored', async () => {
      const createBlob = jest.spyOn(store, 'createBlob');
      expect(outcomeOf(await start('?digest=sha256:abc'))).toBe('400 DIGEST_INVALID');
      expect(createBlob).not.toHaveBeenCalled();
    });
  });

  describe('a mount', () => {
    let digest: string;

    beforeEach(async () => {
      digest = await caller.pushBlob('team/other', 'shared');
    });

    it('brings the blob over', async () => {
      const answer = await start(`?mount=${digest}&from=team%2Fother`);
      expect(answer.status).toBe(201);
      expect(answer.headers).toMatchObject({ location: `/v2/app/blobs/${digest}`, 'docker-content-digest': digest });
      expect((await blob(digest)).body.toString()).toBe('shared');
    });

    it('finds the blob by itself when told no repository', async () => {
      expect((await start(`?mount=${encodeURIComponent(digest)}`)).status).toBe(201);
    });

    it('becomes a session where the blob is not, even if another repository has it', async () => {
      const answer = await start(`?mount=${digest}&from=elsewhere`);
      expect(answer.status).toBe(202);
      const done = await caller.call('PUT', withDigest(answer.headers.location ?? '', digest), { body: 'shared' });
      expect(done.status).toBe(201);
    });

    it('becomes a session where nothing can be mounted from what was said', async () => {
      for (const query of [`?mount=${digest}&from=Not%20A%20Name`, `?mount=${digest}&from=`, '?mount=sha256:abc']) {
        const answer = await start(query);
        expect([answer.status, answer.headers.range]).toEqual([202, '0-0']);
      }
    });
  });

  describe('PATCH', () => {
    it('appends streams', async () => {
      const location = await caller.startUpload('app');
      const first = await caller.call('PATCH', location, { body: streamed('one ', 'two ') });
      expect([first.status, first.headers.range, first.headers.location]).toEqual([202, '0-7', location]);
      const second = await caller.call('PATCH', location, { body: 'three' });
      expect([second.status, second.headers.range]).toEqual([202, '0-12']);
      const digest = digestOf('one two three');
      expect((await caller.call('PUT', withDigest(location, digest))).status).toBe(201);
      expect((await blob(digest)).body.toString()).toBe('one two three');
    });

    it.each([
      ['a gap', '6-8'],
      ['bytes it has', '0-4'],
      ['an overlap', '4-6'],
      ['an end before its start', '5-3'],
    ])('refuses a chunk with %s and says where to go on', async (_, range) => {
      const location = await caller.startUpload('app');
      await chunk(location, '0-4', '01234');
      const refused = await chunk(location, range, 'abc');
      expect(outcomeOf(refused)).toBe('416 RANGE_INVALID');
      expect(refused.headers).toMatchObject({ location, range: '0-4' });
      expect((await chunk(location, '5-9', '56789')).headers.range).toBe('0-9');
      expect((await caller.call('PUT', withDigest(location, digestOf('0123456789')))).status).toBe(201);
    });

    it('refuses a first chunk that does not start at 0', async () => {
      expect(outcomeOf(await chunk(await caller.startUpload('app'), '5-9', '56789'))).toBe('416 RANGE_INVALID');
    });

    it('refuses a range written in another way', async () => {
      const answer = await chunk(await caller.startUpload('app'), 'bytes 0-4/5', '01234');
      expect(outcomeOf(answer)).toBe('400 BLOB_UPLOAD_INVALID');
    });

    it('takes nothing of a chunk whose length contradicts its range', async () => {
      const location = await caller.startUpload('app');
      expect(outcomeOf(await chunk(location, '0-9', '01234'))).toBe('400 SIZE_INVALID');
      expect((await chunk(location, '0-4', '01234')).status).toBe(202);
    });

    it('refuses a chunk of unknown length that turns out longer or shorter than its range', async () => {
      const longer = await caller.startUpload('app');
      const headers = { 'content-range': '0-4' };
      const answer = await caller.call('PATCH', longer, { headers, body: streamed('0123', '4567') });
      expect(outcomeOf(answer)).toBe('400 SIZE_INVALID');
      expect(answer.headers).toMatchObject({ location: longer, range: '0-3' });
      const shorter = await caller.call('PATCH', await caller.startUpload('app'), { headers, body: streamed('01') });
      expect(outcomeOf(shorter)).toBe('400 SIZE_INVALID');
      expect(shorter.headers.range).toBe('0-1');
    });

    it('refuses a second request while one is sending', async () => {
      const location = await caller.startUpload('app');
      const source = new PassThrough();
      source.write('first ');
      const sending = caller.call('PATCH', location, { body: { open: () => source } });
      const second = await caller.call('PATCH', location, { body: 'second' });
      expect(outcomeOf(second)).toBe('416 RANGE_INVALID');
      expect(second.headers.location).toBe(location);
      const put = await caller.call('PUT', withDigest(location, digestOf('second')), { body: 'second' });
      expect(outcomeOf(put)).toBe('416 RANGE_INVALID');
      source.end('and last');
      expect((await sending).headers.range).toBe('0-13');
    });
  });

  describe('GET', () => {
    it('tells what has arrived, before and after', async () => {
      const location = await caller.startUpload('app');
      const id = location.split('/').at(-1);
      const empty = await caller.call('GET', location);
      expect([empty.status, empty.body.length]).toEqual([204, 0]);
      expect(empty.headers).toMatchObject({ location, range: '0-0', 'docker-upload-uuid': id });
      expect(empty.headers).not.toHaveProperty('content-length');
      await caller.call('PATCH', location, { body: 'twelve bytes' });
      expect((await caller.call('GET', location)).headers.range).toBe('0-11');
    });

    it('tells what has arrived of a body that broke off', async () => {
      const location = await caller.startUpload('app');
      const source = new PassThrough();
      const sending = caller.call('PATCH', location, { body: { open: () => source, size: 100 } });
      source.write('half of it');
      await new Promise(setImmediate);
      source.destroy(new Error('connection lost'));
      await expect(sending).rejects.toThrow('connection lost');
      expect((await caller.call('GET', location)).headers.range).toBe('0-9');
      expect((await chunk(location, '10-14', ' done')).status).toBe(202);
      expect((await caller.call('PUT', withDigest(location, digestOf('half of it done')))).status).toBe(201);
    });
  });

  describe('PUT', () => {
    it('takes everything at once', async () => {
      const digest = digestOf('everything');
      const location = withDigest(await caller.startUpload('app'), digest);
      const answer = await caller.call('PUT', location, { body: 'everything' });
      expect(answer.status).toBe(201);
      expect(answer.headers).toMatchObject({
        location: `/v2/app/blobs/${digest}`,
        'docker-content-digest': digest,
        'content-length': '0',
      });
    });

    it('takes sha512, with all the bytes or behind them', async () => {
      for (const content of ['at once', 'behind']) {
        const digest = digestOf(content, 'sha512');
        const location = await caller.startUpload('app');
        const atOnce = content === 'at once';
        if (!atOnce) await caller.call('PATCH', location, { body: content });
        const answer = await caller.call('PUT', withDigest(location, digest), atOnce ? { body: content } : {});
        expect([answer.status, answer.headers['docker-content-digest']]).toEqual([201, digest]);
        expect((await blob(digest)).body.toString()).toBe(content);
      }
    });

    it('does not read again what comes together with its sha512', async () => {
      const read = spyOnWriter('read');
      const digest = digestOf('at once', 'sha512');
      await caller.call('PUT', withDigest(await caller.startUpload('app'), digest), { body: 'at once' });
      await caller.call('POST', `/v2/app/blobs/uploads/?digest=${digest}`, { body: 'at once' });
      expect(read).not.toHaveBeenCalled();
    });

    it('refuses a last chunk out of order and lets the client go on', async () => {
      const location = await caller.startUpload('app');
      await chunk(location, '0-4', '01234');
      const put = withDigest(location, digestOf('0123456789'));
      const refused = await chunk(put, '6-9', '6789', 'PUT');
      expect(outcomeOf(refused)).toBe('416 RANGE_INVALID');
      expect(refused.headers).toMatchObject({ location, range: '0-4' });
      expect((await chunk(put, '5-9', '56789', 'PUT')).status).toBe(201);
    });

    it('needs a digest, and the session outlives its absence', async () => {
      const location = await caller.startUpload('app');
      expect(outcomeOf(await caller.call('PUT', location, { body: 'content' }))).toBe('400 DIGEST_INVALID');
      expect(outcomeOf(await caller.call('PUT', `${location}?digest=sha256:1`))).toBe('400 DIGEST_INVALID');
      const put = withDigest(location, digestOf('content'));
      expect((await caller.call('PUT', put, { body: 'content' })).status).toBe(201);
    });

    it('ends the session when the digest is wrong', async () => {
      const location = await caller.startUpload('app');
      const put = withDigest(location, digestOf('other'));
      expect(outcomeOf(await caller.call('PUT', put, { body: 'content' }))).toBe('400 DIGEST_INVALID');
      expect(outcomeOf(await caller.call('GET', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      expect(store.listRepositories()).toEqual([]);
    });

    it('ends the session when all is well', async () => {
      const location = await caller.startUpload('app');
      const put = withDigest(location, digestOf('content'));
      await caller.call('PUT', put, { body: 'content' });
      expect(outcomeOf(await caller.call('PUT', put))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });

    it('may bring what is there already', async () => {
      await caller.pushBlob('app', 'content');
      const digest = await caller.pushBlob('app', 'content');
      expect((await blob(digest)).body.toString()).toBe('content');
    });
  });

  describe('DELETE', () => {
    it('ends the session', async () => {
      const location = await caller.startUpload('app');
      const answer = await caller.call('DELETE', location);
      expect([answer.status, answer.body.length]).toEqual([204, 0]);
      expect(outcomeOf(await caller.call('DELETE', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });

    it('stops a request that is sending', async () => {
      const location = await caller.startUpload('app');
      const source = new PassThrough();
      const sending = caller.call('PATCH', location, { body: { open: () => source } });
      expect((await caller.call('DELETE', location)).status).toBe(204);
      source.write('too late');
      expect(outcomeOf(await sending)).toBe('404 BLOB_UPLOAD_UNKNOWN');
      expect(source.destroyed).toBe(true);
    });
  });

  describe('a session', () => {
    it.each(['GET', 'PATCH', 'PUT', 'DELETE'])('that never was is unknown to %s', async (method) => {
      const answer = await caller.call(method, `/v2/app/blobs/uploads/nobody?digest=${digestOf('')}`);
      expect(outcomeOf(answer)).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });

    it('belongs to one repository', async () => {
      const location = (await caller.startUpload('app')).replace('/app/', '/other/');
      expect(outcomeOf(await caller.call('PATCH', location, { body: 'x' }))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      expect(outcomeOf(await caller.call('DELETE', location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });
  });

  describe('with a least length of chunks', () => {
    beforeEach(() => {
      caller = new Caller(new EmbeddedTransport(new EmbeddedRegistry({ chunkMinLength: 5 })));
    });

    it('announces it', async () => {
      expect((await start()).headers['oci-chunk-min-length']).toBe('5');
    });

    it('takes one shorter chunk, the last', async () => {
      const location = await caller.startUpload('app');
      expect((await chunk(location, '0-4', '01234')).status).toBe(202);
      expect((await chunk(location, '5-6', '56')).status).toBe(202);
      expect((await caller.call('PUT', withDigest(location, digestOf('0123456')))).status).toBe(201);
    });

    it('refuses a chunk behind a shorter one', async () => {
      const location = await caller.startUpload('app');
      await chunk(location, '0-1', '01');
      expect(outcomeOf(await chunk(location, '2-6', '23456'))).toBe('400 SIZE_INVALID');
      const put = withDigest(location, digestOf('0123456'));
      expect(outcomeOf(await chunk(put, '2-6', '23456', 'PUT'))).toBe('400 SIZE_INVALID');
    });

    it('leaves streams alone', async () => {
      const location = await caller.startUpload('app');
      await caller.call('PATCH', location, { body: 'a' });
      expect((await caller.call('PATCH', location, { body: 'b' })).status).toBe(202);
    });
  });
});
