import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import type { BlobWriter } from '../../lib/embedded/store.js';
import { UploadSession } from '../../lib/embedded/upload-session.js';
import { digestOf } from '../../lib/oci/digest.js';

function setUp(changes: Partial<BlobWriter> = {}) {
  const store = new MemoryStore();
  const writer = { ...store.createBlob(), ...changes };
  const spies = {
    read: jest.spyOn(writer, 'read'),
    commit: jest.spyOn(writer, 'commit'),
    discard: jest.spyOn(writer, 'discard'),
  };
  return { store, session: new UploadSession('app', writer), ...spies };
}

function bodyOf(...chunks: string[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
}

describe('UploadSession', () => {
  it('says where it is and what it has', async () => {
    const { session } = setUp();
    const location = `/v2/app/blobs/uploads/${session.id}`;
    expect(session.headers).toEqual({ location, 'docker-upload-uuid': session.id, range: '0-0' });
    await session.append(bodyOf('12345'));
    expect([session.size, session.headers.range]).toEqual([5, '0-4']);
  });

  it('becomes a blob', async () => {
    const { session, store } = setUp();
    await session.append(bodyOf('one ', 'two'));
    await session.commit(digestOf('one two'));
    expect(store.getBlob('app', digestOf('one two'))?.size).toBe(7);
  });

  it('is discarded when the digest is wrong', async () => {
    const { session, commit, discard } = setUp();
    await session.append(bodyOf('content'));
    const [digest, actual] = [digestOf('other'), digestOf('content')];
    await expect(session.commit(digest)).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
      errors: [{ detail: { digest, actual } }],
    });
    expect([commit.mock.calls.length, discard.mock.calls.length]).toEqual([0, 1]);
  });

  describe('hashing', () => {
    it('does not read again what it has hashed while it came', async () => {
      const { session, read } = setUp();
      await session.append(bodyOf('content'));
      await session.commit(digestOf('content'));
      expect(read).not.toHaveBeenCalled();
    });

    it('reads again when sha512 is asked for at the end only', async () => {
      const { session, read, store } = setUp();
      await session.append(bodyOf('content'));
      const digest = digestOf('content', 'sha512');
      session.expect(digest);
      await session.commit(digest);
      expect(read).toHaveBeenCalledTimes(1);
      expect(store.getBlob('app', digest)?.size).toBe(7);
    });

    it('does not when sha512 is asked for before the first byte', async () => {
      const { session, read } = setUp();
      const digest = digestOf('content', 'sha512');
      session.expect(digest);
      await session.append(bodyOf('content'));
      await session.commit(digest);
      expect(read).not.toHaveBeenCalled();
    });

    it('can still be asked for the other algorithm then', async () => {
      const { session, store } = setUp();
      session.expect(digestOf('content', 'sha512'));
      await session.append(bodyOf('content'));
      await session.commit(digestOf('content'));
      expect(store.getBlob('app', digestOf('content'))?.size).toBe(7);
    });
  });

  describe('append', () => {
    it('keeps what arrived before the body broke off', async () => {
      const { session } = setUp();
      const body = new PassThrough();
      body.write('first ');
      const appending = session.append(body);
      setImmediate(() => body.destroy(new Error('connection lost')));
      await expect(appending).rejects.toThrow('connection lost');
      expect(session.size).toBe(6);
      await session.append(bodyOf('second'));
      await session.commit(digestOf('first second'));
    });

    it('stops at the limit and leaves the body open for an answer', async () => {
      const { session } = setUp();
      const body = new PassThrough();
      body.write('12345');
      await expect(session.append(body, 4)).rejects.toMatchObject({ code: 'SIZE_INVALID', status: 400 });
      expect([session.size, body.destroyed]).toEqual([0, false]);
    });

    it('wants the limit reached', async () => {
      const { session } = setUp();
      await expect(session.append(bodyOf('12345'), 6)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
      expect(session.size).toBe(5);
    });

    it('does not count a chunk that could not be written', async () => {
      const { session } = setUp({ write: () => Promise.reject(new Error('disk full')) });
      await expect(session.append(bodyOf('content'))).rejects.toThrow('disk full');
      expect(session.size).toBe(0);
    });

    it('waits for the store before it takes the next chunk', async () => {
      const written: string[] = [];
      let release = (): void => {};
      const { session } = setUp({
        write: (chunk) => {
          written.push(chunk.toString());
          return new Promise((resolve) => (release = resolve));
        },
      });
      const body = Readable.from([Buffer.from('one'), Buffer.from('two')]);
      const appending = session.append(body);
      await new Promise(setImmediate);
      expect(written).toEqual(['one']);
      release();
      await new Promise(setImmediate);
      expect(written).toEqual(['one', 'two']);
      release();
      await appending;
    });
  });

  describe('exclusive', () => {
    it('lets one request write at a time', async () => {
      const { session } = setUp();
      const body = new PassThrough();
      const first = session.exclusive(() => session.append(body));
      await expect(session.exclusive(() => Promise.resolve())).rejects.toMatchObject({
        code: 'RANGE_INVALID',
        status: 416,
        headers: session.headers,
      });
      body.end('content');
      await first;
      await expect(session.exclusive(() => Promise.resolve('free'))).resolves.toBe('free');
    });

    it('is free again after a failure', async () => {
      const { session } = setUp();
      await expect(session.exclusive(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
      await expect(session.exclusive(() => Promise.resolve('free'))).resolves.toBe('free');
    });
  });

  describe('cancel', () => {
    it('discards at once when nobody is sending', async () => {
      const { session, discard } = setUp();
      await session.cancel();
      expect(discard).toHaveBeenCalledTimes(1);
    });

    it('stops who is sending at the next chunk, and discards then', async () => {
      const { session, discard } = setUp();
      const body = new PassThrough();
      const sending = session.exclusive(() => session.append(body));
      await session.cancel();
      expect(discard).not.toHaveBeenCalled();
      body.write('too late');
      await expect(sending).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN', status: 404 });
      expect(discard).toHaveBeenCalledTimes(1);
    });

    it('stops who has sent everything', async () => {
      const { session } = setUp();
      const body = new PassThrough();
      const sending = session.exclusive(() => session.append(body));
      await session.cancel();
      body.end();
      await expect(sending).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    });

    it('leaves nothing to commit', async () => {
      const { session, commit } = setUp();
      await session.append(bodyOf('content'));
      await session.cancel();
      await expect(session.commit(digestOf('content'))).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
      expect(commit).not.toHaveBeenCalled();
    });
  });
});
