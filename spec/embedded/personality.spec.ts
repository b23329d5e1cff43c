import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { Personality, type PersonalityName } from '../../lib/embedded/personality.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import { describeDistribution28 } from '../contract/describe-distribution-28.js';
import { DIFFERENCES } from '../contract/differences.js';
import {
  Caller,
  dockerImageOf,
  imageOf,
  indexOf,
  jsonOf,
  OCI_INDEX,
  OCI_MANIFEST,
  outcomeOf,
  withDigest,
} from '../contract/caller.js';

describeDistribution28('the personality', () => {
  const transport = new EmbeddedTransport(new Personality(new EmbeddedRegistry(), 'distribution-2.8'));
  return Promise.resolve({ url: new URL('http://registry.test'), transport, stop: () => undefined });
});

const MIB = 1024 * 1024;

describe('Personality', () => {
  let caller: Caller;

  const become = (name: PersonalityName): void => {
    caller = new Caller(new EmbeddedTransport(new Personality(new EmbeddedRegistry(), name)));
  };
  const statusOf = async (method: string, path: string) => (await caller.call(method, path)).status;
  const chunk = (location: string, start: number, body: string | Buffer) =>
    caller.call('PATCH', location, { headers: { 'content-range': `${start}-${start + body.length - 1}` }, body });
  const linkOf = async (path: string) => (await caller.call('GET', path)).headers.link;

  it('has one of six names', () => {
    const create = (name: string) => () => new Personality(new EmbeddedRegistry(), name as PersonalityName);
    expect(create('quay')).toThrow(InvalidArgumentError);
    expect(create('quay')).toThrow(/no personality "quay".*distribution-2\.8, distribution-3, ecr/);
    expect(create('toString')).toThrow(InvalidArgumentError);
  });

  // All that is known to differ, but for a bug in what 2.8 answers to a range that is not there.
  it.each(DIFFERENCES.filter(({ what }) => !/range beyond/.test(what)))(
    'distribution-2.8 differs from the spec in $what',
    async (difference) => {
      become('distribution-2.8');
      expect(await difference.ask(caller, 'app')).toBe(difference['distribution 2.8']);
    },
  );

  it('leaves wrong paths to the registry', async () => {
    become('ghcr');
    expect(outcomeOf(await caller.call('GET', '/v2/%/tags/list'))).toBe('400 NAME_INVALID');
    expect(outcomeOf(await caller.call('GET', '/v1/'))).toBe('404 UNSUPPORTED');
  });

  describe.each<PersonalityName>(['distribution-2.8', 'distribution-3'])('%s', (name) => {
    beforeEach(() => become(name));

    it('has no referrers, and does not say it took notice of a subject', async () => {
      const { digest, descriptor } = await caller.pushImage('app', '1');
      const pushed = await caller.putManifest('app', '2', { ...imageOf('{"seed":"image"}'), subject: descriptor });
      expect([pushed.status, pushed.headers['oci-subject']]).toEqual([201, undefined]);
      expect(await statusOf('GET', `/v2/app/referrers/${digest}`)).toBe(404);
    });

    it('has OCI manifests and indexes for who accepts them by name, and those of Docker for all', async () => {
      await caller.pushManifest('app', 'index', indexOf(OCI_INDEX, await caller.pushImage('app', 'image')));
      await caller.pushManifest('app', 'docker', dockerImageOf('{"seed":"image"}', 'layer of image'));
      const statusFor = async (method: string, tag: string, accept?: string) => {
        const headers = { ...(accept !== undefined && { accept }) };
        return (await caller.call(method, `/v2/app/manifests/${tag}`, { headers })).status;
      };
      expect(await statusFor('GET', 'image', `text/plain, ${OCI_MANIFEST};q=0.5`)).toBe(200);
      expect(await statusFor('HEAD', 'index', OCI_INDEX)).toBe(200);
      expect(await statusFor('GET', 'docker')).toBe(200);
      for (const method of ['GET', 'HEAD']) {
        expect(await statusFor(method, 'image')).toBe(404);
        expect(await statusFor(method, 'image', '*/*')).toBe(404);
        expect(await statusFor(method, 'index', OCI_MANIFEST)).toBe(404);
      }
    });

    it('lists 100 repositories at once, and up to 1000 when asked', async () => {
      for (let i = 0; i < 101; i += 1) await caller.pushBlob(`app${i}`, 'blob');
      expect(await linkOf('/v2/_catalog')).toMatch(/n=100&/);
      expect(await linkOf('/v2/_catalog?n=1000')).toBeUndefined();
      expect(outcomeOf(await caller.call('GET', '/v2/_catalog?n=1001'))).toBe('400 PAGINATION_NUMBER_INVALID');
    });

    it('takes an upload by the newest Location', async () => {
      const first = await caller.call('PATCH', await caller.startUpload('app'), { body: 'one ' });
      const second = await caller.call('PATCH', first.headers.location!, { body: 'two' });
      const done = await caller.call('PUT', withDigest(second.headers.location!, digestOf('one two')));
      expect(done.status).toBe(201);
      expect(done.headers.location).toBe(`/v2/app/blobs/${digestOf('one two')}`);
    });
  });

  describe('distribution-3', () => {
    beforeEach(() => become('distribution-3'));

    it('deletes a tag, and pages tags up to 1000', async () => {
      await caller.pushImage('app', '1');
      await caller.pushImage('app', '2');
      expect(await linkOf('/v2/app/tags/list?n=1')).toMatch(/last=1/);
      expect(outcomeOf(await caller.call('GET', '/v2/app/tags/list?n=1001'))).toBe('400 PAGINATION_NUMBER_INVALID');
      expect(await statusOf('DELETE', '/v2/app/manifests/1')).toBe(202);
    });

    it('refuses an old Location, and GET gives the new one', async () => {
      const old = await caller.startUpload('app');
      await caller.call('PATCH', old, { body: 'content' });
      for (const method of ['PATCH', 'PUT', 'DELETE']) {
        const refused = await caller.call(method, withDigest(old, digestOf('content')));
        expect(outcomeOf(refused)).toBe('416 RANGE_INVALID');
        expect([refused.headers.location, refused.headers.range]).toEqual([undefined, undefined]);
      }
      const status = await caller.call('GET', old);
      expect([status.status, status.headers.range]).toEqual([204, '0-6']);
      expect(await statusOf('PUT', withDigest(status.headers.location!, digestOf('content')))).toBe(201);
    });

    it('refuses a chunk out of order', async () => {
      expect((await chunk(await caller.startUpload('app'), 5, 'one')).status).toBe(416);
    });
  });

  describe('ecr', () => {
    beforeEach(() => become('ecr'));

    it('answers PATCH with 201', async () => {
      const patched = await caller.call('PATCH', await caller.startUpload('app'), { body: 'content' });
      expect([patched.status, patched.headers.range]).toEqual([201, '0-6']);
      expect(await statusOf('PUT', withDigest(patched.headers.location!, digestOf('content')))).toBe(201);
    });

    it('stores every chunk, and says that it has the first one', async () => {
      const first = await chunk(await caller.startUpload('app'), 0, 'one');
      const second = await chunk(first.headers.location!, 3, 'two');
      expect([second.status, second.headers.range]).toEqual([201, '0-2']);
      expect((await caller.call('GET', second.headers.location!)).headers.range).toBe('0-2');
      expect((await chunk(second.headers.location!, 3, 'two')).status).toBe(416);
      const third = await chunk(second.headers.location!, 6, 'three');
      expect([third.status, third.headers.range]).toEqual([201, '0-2']);
      expect(await statusOf('PUT', withDigest(third.headers.location!, digestOf('onetwothree')))).toBe(201);
      expect((await chunk('/v2/app/blobs/uploads/none', 3, 'two')).status).toBe(404);
    });

    it('says of each upload what is its own', async () => {
      const one = await chunk(await caller.startUpload('app'), 0, 'one');
      const other = await chunk(await caller.startUpload('app'), 0, 'other');
      expect([one.headers.range, other.headers.range]).toEqual(['0-2', '0-4']);
    });

    it('wants the media type in the manifest', async () => {
      await caller.pushImage('app', '1');
      const { mediaType, ...bare } = imageOf('{"seed":"image"}');
      expect(outcomeOf(await caller.putManifest('app', '2', bare, mediaType))).toBe('405 UNSUPPORTED');
      expect((await caller.putManifest('app', '2', { mediaType, ...bare })).status).toBe(201);
      const noJson = await caller.call('PUT', '/v2/app/manifests/3', {
        headers: { 'content-type': mediaType },
        body: '{',
      });
      expect(outcomeOf(noJson)).toBe('400 MANIFEST_INVALID');
    });

    it('reads no more of a manifest than a registry takes', async () => {
      let sent = 0;
      async function* endless() {
        for (; sent < 16 * MIB; sent += MIB) yield await Promise.resolve(Buffer.alloc(MIB));
      }
      const body = { open: () => Readable.from(endless(), { objectMode: false, highWaterMark: 1 }) };
      const headers = { 'content-type': OCI_MANIFEST };
      expect(outcomeOf(await caller.call('PUT', '/v2/app/manifests/1', { headers, body }))).toBe(
        '413 MANIFEST_INVALID',
      );
      expect(sent).toBeLessThan(8 * MIB);
    });

    it('lists 1000 tags a page', async () => {
      await caller.pushImage('app', '1');
      expect(await statusOf('GET', '/v2/app/tags/list?n=1000')).toBe(200);
      expect(await statusOf('GET', '/v2/app/tags/list?n=1001')).toBe(400);
    });
  });

  describe('ghcr', () => {
    beforeEach(() => become('ghcr'));

    it('takes chunks up to 4 MiB, and streams of any length', async () => {
      const [fits, tooLong] = [Buffer.alloc(4 * 1024 * 1024), Buffer.alloc(4 * 1024 * 1024 + 1)];
      const location = await caller.startUpload('app');
      expect(outcomeOf(await chunk(location, 0, tooLong))).toBe('416 BLOB_UPLOAD_INVALID');
      expect((await chunk(location, 0, fits)).status).toBe(202);
      expect((await caller.call('PATCH', location, { body: tooLong })).status).toBe(202);
    });

    it('deletes no manifests and lists no repositories', async () => {
      const { digest } = await caller.pushImage('app', '1');
      for (const reference of ['1', digest]) {
        const path = `/v2/app/manifests/${reference}`;
        expect(outcomeOf(await caller.call('DELETE', path))).toBe('405 UNSUPPORTED');
      }
      expect(await statusOf('GET', '/v2/_catalog')).toBe(404);
    });
  });

  describe('google', () => {
    beforeEach(() => become('google'));

    it('takes streams, and no chunks', async () => {
      const location = await caller.startUpload('app');
      expect(outcomeOf(await chunk(location, 0, 'content'))).toBe('405 UNSUPPORTED');
      expect((await caller.call('PATCH', location, { body: 'content' })).status).toBe(202);
    });

    it('deletes a manifest when its tags are gone', async () => {
      const { digest } = await caller.pushImage('app', '1');
      await caller.pushImage('app', 'other', {}, 'other');
      const path = `/v2/app/manifests/${digest}`;
      expect(outcomeOf(await caller.call('DELETE', path))).toBe('400 GOOGLE_MANIFEST_DANGLING_TAG');
      expect(await statusOf('DELETE', '/v2/app/manifests/1')).toBe(202);
      expect(await statusOf('DELETE', path)).toBe(202);
      expect(await statusOf('DELETE', path)).toBe(404);
    });

    it('says more about tags than it should', async () => {
      await caller.pushImage('app', '1');
      const list = { child: [], manifest: {}, name: 'app', tags: ['1'] };
      expect(jsonOf(await caller.call('GET', '/v2/app/tags/list'))).toEqual(list);
    });
  });

  describe('docker-hub', () => {
    beforeEach(() => become('docker-hub'));

    it('deletes no manifests and lists no repositories', async () => {
      await caller.pushImage('app', '1');
      expect(outcomeOf(await caller.call('DELETE', '/v2/app/manifests/1'))).toBe('405 UNSUPPORTED');
      expect(await statusOf('GET', '/v2/_catalog')).toBe(401);
    });

    it('counts pulls, and refuses them after 100; HEAD is free', async () => {
      await caller.pushImage('app', '1');
      const pull = (method = 'GET') => caller.call(method, '/v2/app/manifests/1');
      expect((await pull('HEAD')).headers['ratelimit-remaining']).toBe('100;w=21600');
      for (let i = 0; i < 99; i += 1) await pull();
      const last = await pull();
      expect([last.status, last.headers['ratelimit-limit'], last.headers['ratelimit-remaining']]).toEqual([
        200,
        '100;w=21600',
        '0;w=21600',
      ]);
      const refused = await pull();
      expect(outcomeOf(refused)).toBe('429 TOOMANYREQUESTS');
      expect(refused.headers).toMatchObject({
        'ratelimit-remaining': '0;w=21600',
        'docker-ratelimit-source': '192.0.2.1',
      });
      expect((await pull('HEAD')).status).toBe(200);
    });
  });
});
