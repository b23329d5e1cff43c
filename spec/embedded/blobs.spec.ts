import { beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { digestOf } from '../../lib/oci/digest.js';
import { type Answer, Caller, outcomeOf } from '../contract/caller.js';

describe('BlobRoutes', () => {
  let caller: Caller;
  let digest: string;

  beforeEach(async () => {
    caller = new Caller(new EmbeddedTransport());
    digest = await caller.pushBlob('app', '0123456789');
  });

  const get = (range?: string): Promise<Answer> =>
    caller.call('GET', `/v2/app/blobs/${digest}`, range === undefined ? {} : { headers: { range } });

  it('gives the bytes with all that describes them', async () => {
    const { status, headers, body } = await get();
    expect([status, body.toString()]).toEqual([200, '0123456789']);
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '10',
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
    });
    expect(headers).not.toHaveProperty('content-range');
  });

  it('finds it under a percent-encoded digest', async () => {
    const answer = await caller.call('GET', `/v2/app/blobs/${encodeURIComponent(digest)}`);
    expect(answer.status).toBe(200);
  });

  it('gives a part, from the middle or from the end', async () => {
    const middle = await get('bytes=2-4');
    expect([middle.status, middle.body.toString()]).toEqual([206, '234']);
    expect(middle.headers).toMatchObject({
      'content-range': 'bytes 2-4/10',
      'content-length': '3',
      'accept-ranges': 'bytes',
    });
    expect((await get('bytes=-3')).body.toString()).toBe('789');
  });

  it('refuses a part that is not there', async () => {
    const answer = await get('bytes=10-');
    expect(outcomeOf(answer)).toBe('416 RANGE_INVALID');
    expect(answer.headers['content-range']).toBe('bytes */10');
  });

  it('gives everything to who asks for several parts', async () => {
    const answer = await get('bytes=0-1,4-5');
    expect([answer.status, answer.body.length]).toEqual([200, 10]);
  });

  it('describes all of it in answer to HEAD, also with a range', async () => {
    const answer = await caller.call('HEAD', `/v2/app/blobs/${digest}`, { headers: { range: 'bytes=0-1' } });
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '10', 0]);
  });

  it('knows a blob only in the repositories that have it', async () => {
    expect(outcomeOf(await caller.call('GET', `/v2/other/blobs/${digest}`))).toBe('404 BLOB_UNKNOWN');
    expect(outcomeOf(await caller.call('DELETE', `/v2/other/blobs/${digest}`))).toBe('404 BLOB_UNKNOWN');
    expect((await get()).status).toBe(200);
  });

  it.each(['sha256:0123', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'latest', `sha256:${'A'.repeat(64)}`])(
    'refuses the digest %s',
    async (wrong) => {
      for (const method of ['GET', 'DELETE']) {
        expect(outcomeOf(await caller.call(method, `/v2/app/blobs/${wrong}`))).toBe('400 DIGEST_INVALID');
      }
    },
  );

  it('deletes once', async () => {
    const first = await caller.call('DELETE', `/v2/app/blobs/${digest}`);
    expect([first.status, first.headers['content-length']]).toEqual([202, '0']);
    expect(outcomeOf(await get())).toBe('404 BLOB_UNKNOWN');
    expect(outcomeOf(await caller.call('DELETE', `/v2/app/blobs/${digest}`))).toBe('404 BLOB_UNKNOWN');
  });

  it('names the digest it does not know', async () => {
    const unknown = digestOf('never pushed');
    const answer = await caller.call('GET', `/v2/app/blobs/${unknown}`);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ errors: [{ detail: { digest: unknown } }] });
  });
});
