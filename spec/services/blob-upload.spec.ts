import { Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { DigestMismatchError } from '../../lib/errors.js';
import { BlobUpload } from '../../lib/services/blob-upload.js';
import { Requests } from '../../lib/services/requests.js';
import { OPTIONS, refusal, REGISTRY, scripted, type Step, told } from './scripted.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const ENCODED = encodeURIComponent(DIGEST);
const UPLOADS = '/v2/team/app/blobs/uploads/';

const at = (location: string, status = 202): Step => ({ status, headers: { location } });
const body = () => ({ open: () => Readable.from([Buffer.from('content')]) });

function setUp(...steps: Step[]) {
  const transport = scripted(...steps);
  return { transport, requests: new Requests(transport, OPTIONS) };
}

async function started(...steps: Step[]) {
  const { transport, requests } = setUp(at('/u/1?state=a'), ...steps);
  return { transport, upload: await BlobUpload.start(requests, 'team/app') };
}

describe('BlobUpload', () => {
  describe('start', () => {
    it('opens a session with nothing in it, for a token that covers the whole push', async () => {
      const { transport } = await started();
      expect(told(transport)).toEqual([`POST ${UPLOADS}`]);
      expect(transport.requests[0]).toMatchObject({ headers: {}, scopes: ['repository:team/app:pull,push'] });
      expect(transport.requests[0]).not.toHaveProperty('body');
    });

    it.each([200, 201, 204, 400, 500])('does not take a %i for a session', async (status) => {
      const { requests } = setUp({ status, headers: { location: '/u/1' } });
      await expect(BlobUpload.start(requests, 'team/app')).rejects.toMatchObject({ status });
    });

    it('needs a location', async () => {
      await expect(BlobUpload.start(setUp(202).requests, 'team/app')).rejects.toMatchObject({
        code: 'LOCATION_INVALID',
        message: expect.stringMatching(/^starting an upload to team\/app: /),
      });
    });

    it('resolves a relative location against where the answer came from', async () => {
      const url = new URL(`https://other.example/registry${UPLOADS}`);
      const { requests, transport } = setUp({ status: 202, headers: { location: '1?state=a' }, url }, 201);
      await (await BlobUpload.start(requests, 'team/app')).finish(DIGEST);
      expect(told(transport)[1]).toBe(`PUT ${url.href}1?state=a&digest=${ENCODED}`);
    });
  });

  describe('mount', () => {
    const from = { digest: DIGEST, from: 'base/image' };
    const mount = `POST ${UPLOADS}?mount=${ENCODED}&from=base%2Fimage`;

    it('is done when the registry says so', async () => {
      const { transport, requests } = setUp(201);
      await expect(BlobUpload.mount(requests, 'team/app', from)).resolves.toBeUndefined();
      expect(told(transport)).toEqual([mount]);
      expect(transport.requests[0]?.scopes).toEqual(['repository:team/app:pull,push', 'repository:base/image:pull']);
    });

    it('becomes a session when the registry would rather have the bytes', async () => {
      const { transport, requests } = setUp(at('/u/1?state=a'), 201);
      const upload = await BlobUpload.mount(requests, 'team/app', from);
      await upload?.finish(DIGEST);
      expect(told(transport)).toEqual([mount, `PUT /u/1?state=a&digest=${ENCODED}`]);
    });

    it.each([200, 202, 404, 405])('fails with a %i that is neither', async (status) => {
      await expect(BlobUpload.mount(setUp(status).requests, 'team/app', from)).rejects.toMatchObject({ status });
    });
  });

  describe('patch', () => {
    it('streams without a range, and goes on where the answer says', async () => {
      const { transport, upload } = await started(at('/u/1?state=b'), 201);
      await upload.patch(body());
      await upload.finish(DIGEST);
      expect(told(transport).slice(1)).toEqual(['PATCH /u/1?state=a 7 bytes', `PUT /u/1?state=b&digest=${ENCODED}`]);
      const [, patch, put] = transport.requests;
      expect(patch?.headers).toEqual({ 'content-type': 'application/octet-stream' });
      expect(patch?.body).not.toHaveProperty('size');
      expect(put).toMatchObject({ headers: {}, repeatable: false, scopes: ['repository:team/app:pull,push'] });
      expect(put).not.toHaveProperty('body');
    });

    it('takes 201, as ECR answers, for 202', async () => {
      const { upload } = await started(at('/u/1?state=b', 201));
      await expect(upload.patch(body())).resolves.toBeUndefined();
    });

    it.each([200, 204, 416, 500])('fails with a %i', async (status) => {
      const { upload } = await started({ status, headers: { location: '/u/1' } });
      await expect(upload.patch(body())).rejects.toMatchObject({ status });
    });

    it('needs a location', async () => {
      const { upload } = await started(202);
      await expect(upload.patch(body())).rejects.toMatchObject({ code: 'LOCATION_INVALID' });
    });
  });

  describe('finish', () => {
    it('may bring the whole content', async () => {
      const { transport, upload } = await started(201);
      await upload.finish(DIGEST, { size: 7, ...body() });
      expect(told(transport)[1]).toBe(`PUT /u/1?state=a&digest=${ENCODED} 7 bytes`);
      expect(transport.requests[1]).toMatchObject({
        headers: { 'content-type': 'application/octet-stream' },
        body: { size: 7 },
        repeatable: false,
      });
    });

    it.each([
      ['/u/1', `/u/1?digest=${ENCODED}`],
      ['/u/1?digest=sha256%3Aold&state=a', `/u/1?state=a&digest=${ENCODED}`],
      [
        'https://uploads.example/x?sig=a%2Bb+c%3D&e=%7E',
        `https://uploads.example/x?sig=a%2Bb+c%3D&e=%7E&digest=${ENCODED}`,
      ],
      [`${REGISTRY}:80/u/1?a`, `/u/1?a&digest=${ENCODED}`],
    ])('adds the digest to %s, and nothing else', async (location, target) => {
      const { transport, requests } = setUp(at(location), 201);
      await (await BlobUpload.start(requests, 'team/app')).finish(DIGEST);
      expect(told(transport)[1]).toBe(`PUT ${target}`);
    });

    it.each([200, 202, 204, 400, 500])('does not take a %i for stored', async (status) => {
      const { upload } = await started(status);
      await expect(upload.finish(DIGEST)).rejects.toMatchObject({ status });
    });

    it('takes the word of the registry for what it stored', async () => {
      const stored = (digest: string): Step => ({ status: 201, headers: { 'docker-content-digest': digest } });
      await expect((await started(stored(DIGEST))).upload.finish(DIGEST)).resolves.toBeUndefined();
      const { transport, upload } = await started(stored(OTHER));
      const failing = upload.finish(DIGEST);
      await expect(failing).rejects.toBeInstanceOf(DigestMismatchError);
      await expect(failing).rejects.toMatchObject({ expected: DIGEST, actual: OTHER });
      await upload.cancel();
      expect(transport.requests).toHaveLength(2);
    });
  });

  describe('cancel', () => {
    it('deletes the session where it is now, with the right to do so', async () => {
      const { transport, upload } = await started(at('/u/1?state=b'), 204);
      await upload.patch(body());
      await upload.cancel();
      expect(told(transport)[2]).toBe('DELETE /u/1?state=b');
      expect(transport.requests[2]).toMatchObject({
        repeatable: false,
        scopes: ['repository:team/app:pull,push', 'repository:team/app:delete'],
      });
    });

    it('asks once, and not for a session that is finished', async () => {
      const { transport, upload } = await started(204);
      await upload.cancel();
      await upload.cancel();
      expect(told(transport)).toHaveLength(2);
      const finished = await started(201);
      await finished.upload.finish(DIGEST);
      await finished.upload.cancel();
      expect(told(finished.transport)).toHaveLength(2);
    });

    it.each<[string, Step]>([
      ['is forbidden', refusal(401, 'UNAUTHORIZED')],
      ['is too late', refusal(404, 'BLOB_UPLOAD_UNKNOWN')],
      ['breaks', new Error('reset')],
    ])('is content when that %s', async (_, step) => {
      const { upload } = await started(step);
      await expect(upload.cancel()).resolves.toBeUndefined();
    });

    it('asks where the session is now when its address is stale', async () => {
      const moved = { status: 204, headers: { location: '/u/1?state=c', range: '0-99' } };
      const { transport, upload } = await started(refusal(416, 'RANGE_INVALID'), moved, 204);
      await upload.cancel();
      expect(told(transport).slice(1)).toEqual(['DELETE /u/1?state=a', 'GET /u/1?state=a', 'DELETE /u/1?state=c']);
    });

    it('waits two seconds and no longer', async () => {
      // AbortSignal.timeout is beyond fake timers.
      const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort(new Error('over')));
      const { upload } = await started(204);
      await expect(upload.cancel()).resolves.toBeUndefined();
      expect(timeout.mock.calls).toEqual([[2000]]);
      timeout.mockRestore();
    });
  });

  it('leaves no body of an answer open', async () => {
    const { transport, upload } = await started(at('/u/1?state=b'), 201);
    await upload.patch(body());
    await upload.finish(DIGEST);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(transport.openBodies).toBe(0);
  });
});
