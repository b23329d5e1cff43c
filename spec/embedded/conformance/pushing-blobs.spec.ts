import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type DigestAlgorithm, digestOf } from '../../../lib/oci/digest.js';
import { type Answer, outcomeOf, streamed, withDigest } from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

const OCTETS = { 'content-type': 'application/octet-stream' };

describeSection('Pushing blobs', (section) => {
  const start = (query = ''): Promise<Answer> => section.ask('POST', `blobs/uploads/${query}`);
  const put = (location: string, digest: string, body?: string | Buffer): Promise<Answer> =>
    section.caller.call('PUT', withDigest(location, digest), { headers: OCTETS, ...(body !== undefined && { body }) });
  const chunk = (location: string, content: Buffer, from: number, to: number, method = 'PATCH'): Promise<Answer> =>
    section.caller.call(method, location, {
      headers: { ...OCTETS, 'content-range': `${from}-${to}` },
      body: content.subarray(from, to + 1),
    });
  const status = (location: string): Promise<Answer> => section.caller.call('GET', location);

  async function expectPushed(answer: Answer, digest: string, content: string | Buffer): Promise<void> {
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([201, digest]);
    const fetched = await section.caller.call('GET', answer.headers.location ?? '');
    expect([fetched.status, fetched.body.equals(Buffer.from(content))]).toEqual([200, true]);
  }

  describe.each<DigestAlgorithm>(['sha256', 'sha512'])('under %s', (algorithm) => {
    describe('Pushing a blob monolithically', () => {
      it('is done with POST and PUT', async () => {
        const digest = digestOf('content', algorithm);
        const started = await start();
        expect([started.status, started.headers['content-length']]).toEqual([202, '0']);
        await expectPushed(await put(started.headers.location ?? '', digest, 'content'), digest, 'content');
      });

      it('is done with a single POST', async () => {
        const digest = digestOf('content', algorithm);
        const query = `?digest=${encodeURIComponent(digest)}`;
        const answer = await section.ask('POST', `blobs/uploads/${query}`, { headers: OCTETS, body: 'content' });
        await expectPushed(answer, digest, 'content');
      });

      it.each(['', '{}'])('takes %j', async (content) => {
        const digest = digestOf(content, algorithm);
        await expectPushed(await put((await start()).headers.location ?? '', digest, content), digest, content);
        await expectPushed(await put((await start()).headers.location ?? '', digest, content), digest, content);
      });

      it('is refused with another digest, and leaves nothing', async () => {
        const digest = digestOf('other', algorithm);
        const answer = await put((await start()).headers.location ?? '', digest, 'content');
        expect(outcomeOf(answer)).toBe('400 DIGEST_INVALID');
        const single = await section.ask('POST', `blobs/uploads/?digest=${digest}`, { body: 'content' });
        expect(outcomeOf(single)).toBe('400 DIGEST_INVALID');
        expect((await section.ask('HEAD', `blobs/${digest}`)).status).toBe(404);
      });
    });

    describe('a streamed PATCH', () => {
      it('has no Content-Range and any length', async () => {
        const digest = digestOf('one two three', algorithm);
        const body = streamed('one ', 'two ', 'three');
        const location = (await start()).headers.location ?? '';
        const sent = await section.caller.call('PATCH', location, { headers: OCTETS, body });
        expect([sent.status, sent.headers.range]).toEqual([202, '0-12']);
        await expectPushed(await put(sent.headers.location ?? '', digest), digest, 'one two three');
      });

      it('is refused at its end with another digest', async () => {
        const location = (await start()).headers.location ?? '';
        const sent = await section.caller.call('PATCH', location, { body: streamed('one', 'two') });
        const answer = await put(sent.headers.location ?? '', digestOf('other', algorithm));
        expect(outcomeOf(answer)).toBe('400 DIGEST_INVALID');
      });
    });

    describe('Pushing a blob in chunks', () => {
      const content = randomBytes(3067);
      const digest = digestOf(content, algorithm);

      it('is done in order, each at the location of the one before', async () => {
        let location = (await start()).headers.location ?? '';
        for (const from of [0, 1024, 2048]) {
          const to = Math.min(from + 1023, 3066);
          const answer = await chunk(location, content, from, to);
          expect([answer.status, answer.headers.range]).toEqual([202, `0-${to}`]);
          location = answer.headers.location ?? '';
        }
        await expectPushed(await put(location, digest), digest, content);
      });

      it('may be done in one chunk', async () => {
        const answer = await chunk((await start()).headers.location ?? '', content, 0, 3066);
        await expectPushed(await put(answer.headers.location ?? '', digest), digest, content);
      });

      it('may end with a chunk in the PUT', async () => {
        const first = await chunk((await start()).headers.location ?? '', content, 0, 2047);
        const last = withDigest(first.headers.location ?? '', digest);
        await expectPushed(await chunk(last, content, 2048, 3066, 'PUT'), digest, content);
      });

      it('is refused with another digest', async () => {
        const first = await chunk((await start()).headers.location ?? '', content, 0, 2047);
        const wrong = digestOf('other', algorithm);
        const last = withDigest(first.headers.location ?? '', wrong);
        expect(outcomeOf(await chunk(last, content, 2048, 3066, 'PUT'))).toBe('400 DIGEST_INVALID');
      });

      it('answers 416 to a chunk out of order, and goes on where the status says', async () => {
        const started = (await start()).headers.location ?? '';
        expect((await chunk(started, content, 1024, 2047)).status).toBe(416);
        const { headers } = await status(started);
        expect(headers.location).toBe(started);
        const first = await chunk(started, content, 0, 1023);
        const location = first.headers.location ?? '';
        for (const from of [0, 2048]) {
          const answer = await chunk(location, content, from, Math.min(from + 1023, 3066));
          expect([answer.status, answer.headers.range]).toEqual([416, '0-1023']);
          expect(await status(location)).toMatchObject({ status: 204, headers: { location, range: '0-1023' } });
        }
        const second = await chunk(location, content, 1024, 2047);
        await expectPushed(
          await chunk(withDigest(second.headers.location ?? '', digest), content, 2048, 3066, 'PUT'),
          digest,
          content,
        );
      });

      it('answers 416 to a last chunk out of order, too, and goes on', async () => {
        const first = await chunk((await start()).headers.location ?? '', content, 0, 1023);
        const location = first.headers.location ?? '';
        const early = await chunk(withDigest(location, digest), content, 2048, 3066, 'PUT');
        expect(early.status).toBe(416);
        expect((await status(location)).headers.range).toBe('0-1023');
        const rest = await chunk(withDigest(location, digest), content, 1024, 3066, 'PUT');
        await expectPushed(rest, digest, content);
      });
    });
  });

  describe('an upload', () => {
    it('is cancelled by DELETE', async () => {
      const location = (await start()).headers.location ?? '';
      expect((await section.caller.call('DELETE', location)).status).toBe(204);
      expect(outcomeOf(await status(location))).toBe('404 BLOB_UPLOAD_UNKNOWN');
      expect(outcomeOf(await put(location, digestOf('content'), 'content'))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });

    it('belongs to its repository', async () => {
      const location = (await start()).headers.location ?? '';
      const elsewhere = location.replace(section.repository, section.other);
      expect(outcomeOf(await status(elsewhere))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    });

    it('is refused a digest that is none', async () => {
      const location = (await start()).headers.location ?? '';
      expect(outcomeOf(await put(location, 'sha256:bad', 'content'))).toBe('400 DIGEST_INVALID');
      expect(outcomeOf(await section.caller.call('PUT', location, { body: 'content' }))).toBe('400 DIGEST_INVALID');
    });
  });

  describe('Mounting a blob from another repository', () => {
    it.each(['named', 'not named'])('needs no bytes when that is %s', async (way) => {
      const content = randomBytes(512);
      const digest = await section.caller.pushBlob(section.other, content);
      const from = way === 'named' ? `&from=${section.other}` : '';
      await expectPushed(await start(`?mount=${digest}${from}`), digest, content);
    });

    it.each(['named', 'not named'])('becomes an upload when the blob is not there, %s', async (way) => {
      const content = randomBytes(512);
      const digest = digestOf(content);
      const answer = await start(`?mount=${digest}${way === 'named' ? `&from=${section.other}` : ''}`);
      expect(answer.status).toBe(202);
      await expectPushed(await put(answer.headers.location ?? '', digest, content), digest, content);
    });

    it('brings the blob over for good', async () => {
      const digest = await section.caller.pushBlob(section.other, randomBytes(512));
      await start(`?mount=${digest}&from=${section.other}`);
      await section.caller.call('DELETE', `/v2/${section.other}/blobs/${digest}`);
      expect((await section.ask('HEAD', `blobs/${digest}`)).status).toBe(200);
    });
  });
});
