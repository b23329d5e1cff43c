import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { RegistryError, ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { BlobContent, BlobPushOptions, PushedBlob, StreamedContent } from '../../lib/services/blob-service.js';
import { BlobService } from '../../lib/services/blob-service.js';
import { BlobPusher } from '../../lib/transfer/blob-pusher.js';
import type { KnownLayers } from '../../lib/transfer/known-layers.js';
import type { Content } from '../../lib/transfer/layer-content.js';
import type { PushEvent } from '../../lib/transfer/progress.js';

type Push = (repository: string, content: BlobContent, options: BlobPushOptions) => Promise<PushedBlob>;
type PushStream = (repository: string, content: StreamedContent, options: BlobPushOptions) => Promise<PushedBlob>;

const DESCRIPTOR = { mediaType: 'layer', digest: digestOf('layer'), size: 5 };
const UPLOADED: PushedBlob = { descriptor: DESCRIPTOR, outcome: 'uploaded', bytesSent: 5 };

function contentOf(more: Partial<Content> = {}): Content {
  return {
    key: 'key',
    entry: 'layer.tar',
    diffId: undefined,
    size: 5,
    position: 0,
    packing: 'none',
    compresses: false,
    prepare: (onRead) => Promise.resolve({ descriptor: DESCRIPTOR, open: () => reading(onRead) }),
    ...more,
  };
}

function reading(onRead: (bytes: number) => void): Readable {
  onRead(5);
  return Readable.from([Buffer.from('layer')], { objectMode: false });
}

describe('BlobPusher', () => {
  let push: jest.Mock<Push>;
  let pushStream: jest.Mock<PushStream>;
  let events: PushEvent[];
  let controller: AbortController;
  let pusher: BlobPusher;

  beforeEach(() => {
    push = jest.fn<Push>(async (_, content, { onSent }) => {
      onSent?.((await buffer(await content.open())).length);
      return { ...UPLOADED, descriptor: content.descriptor };
    });
    pushStream = jest.fn<PushStream>(async (_, content) => {
      await buffer(await content.open());
      return { ...UPLOADED, descriptor: { ...DESCRIPTOR, mediaType: content.mediaType } };
    });
    events = [];
    controller = new AbortController();
    const service = Object.assign(Object.create(BlobService.prototype) as BlobService, { push, pushStream });
    pusher = new BlobPusher(service, { signal: controller.signal, onProgress: (event) => events.push(event) });
  });

  const states = () => events.map(({ state }) => state);

  describe('a content of known digest', () => {
    it('is pushed with it, and can be cancelled', async () => {
      await pusher.push({ content: contentOf(), repositories: ['app'] });
      expect(push.mock.calls).toEqual([
        ['app', expect.objectContaining({ descriptor: DESCRIPTOR }), expect.objectContaining({ mountFrom: undefined })],
      ]);
      expect(push.mock.calls[0]![2].signal).toBe(controller.signal);
      expect(pushStream).not.toHaveBeenCalled();
    });

    it('is told of from its start to its end', async () => {
      await pusher.push({ content: contentOf(), repositories: ['app'] });
      const blob = { entry: 'layer.tar', size: 5 };
      expect(events).toEqual([
        { state: 'started', blob },
        { state: 'progress', blob, read: 5, sent: 0 },
        { state: 'progress', blob, read: 5, sent: 5 },
        { state: 'uploaded', blob, repository: 'app', descriptor: DESCRIPTOR },
      ]);
    });
  });

  describe('a content that gets its digest on the way', () => {
    const streamed = contentOf({
      prepare: (onRead) => Promise.resolve({ mediaType: 'streamed', open: () => reading(onRead) }),
    });

    it('is streamed into the first repository, and linked into the others by the digest it got', async () => {
      await pusher.push({ content: streamed, repositories: ['a', 'b', 'c'] });
      expect(pushStream.mock.calls.map(([repository]) => repository)).toEqual(['a']);
      expect(
        push.mock.calls.map(([repository, { descriptor }, { mountFrom }]) => [repository, descriptor, mountFrom]),
      ).toEqual([
        ['b', { ...DESCRIPTOR, mediaType: 'streamed' }, 'a'],
        ['c', { ...DESCRIPTOR, mediaType: 'streamed' }, 'a'],
      ]);
    });

    it('can be sent again where it cannot be linked', async () => {
      push.mockImplementationOnce(async (_, content) => {
        expect((await buffer(await content.open())).toString()).toBe('layer');
        return UPLOADED;
      });
      await pusher.push({ content: streamed, repositories: ['a', 'b'] });
      expect(states()).toEqual(['started', 'progress', 'uploaded', 'progress', 'uploaded']);
      expect(events[3]).toMatchObject({ read: 10 });
    });
  });

  it('goes into one repository after the other, so that there is one to link from', async () => {
    let running = 0;
    push.mockImplementation(async () => {
      expect((running += 1)).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return UPLOADED;
    });
    await pusher.push({ content: contentOf(), repositories: ['a', 'b'] });
    expect(push.mock.calls.map(([, , { mountFrom }]) => mountFrom)).toEqual([undefined, 'a']);
  });

  it.each(['exists', 'mounted', 'uploaded'] as const)('tells that a blob is %s', async (outcome) => {
    push.mockResolvedValue({ ...UPLOADED, outcome });
    await pusher.push({ content: contentOf(), repositories: ['app'] });
    expect(events.at(-1)).toMatchObject({ state: outcome, repository: 'app' });
  });

  describe('when the content starts over', () => {
    it('tells of a retry before its counts go back', async () => {
      push.mockImplementationOnce(async (_, content, { onSent }) => {
        await buffer(await content.open());
        onSent?.(3);
        onSent?.(-3);
        await buffer(await content.open());
        onSent?.(5);
        return UPLOADED;
      });
      await pusher.push({ content: contentOf(), repositories: ['app'] });
      expect(states()).toEqual(['started', 'progress', 'progress', 'retry', 'progress', 'progress', 'uploaded']);
      expect(events.at(-2)).toMatchObject({ read: 5, sent: 5 });
    });

    it('tells of it also when no byte had been sent', async () => {
      push.mockImplementationOnce(async (_, content) => {
        await buffer(await content.open());
        await buffer(await content.open());
        return UPLOADED;
      });
      await pusher.push({ content: contentOf(), repositories: ['app'] });
      expect(states()).toEqual(['started', 'progress', 'retry', 'progress', 'uploaded']);
    });

    it('keeps what was read to describe it', async () => {
      const described = contentOf({
        prepare: async (onRead) => {
          await buffer(reading(onRead));
          return { descriptor: DESCRIPTOR, open: () => reading(() => undefined) };
        },
      });
      push.mockImplementationOnce(async (_, content, { onSent }) => {
        await buffer(await content.open());
        onSent?.(2);
        onSent?.(-2);
        await buffer(await content.open());
        onSent?.(5);
        return UPLOADED;
      });
      await pusher.push({ content: described, repositories: ['app'] });
      const counted = events.map((event) => (event.state === 'progress' ? [event.read, event.sent] : event.state));
      expect(counted).toEqual(['started', [5, 0], [5, 2], 'retry', [5, 5], 'uploaded']);
    });
  });

  describe('contents that turn out to be the same blob', () => {
    it('are sent once to a repository, also at the same time', async () => {
      const contents = [contentOf({ key: 'one' }), contentOf({ key: 'two', entry: 'copy.tar' })];
      await Promise.all(contents.map((content) => pusher.push({ content, repositories: ['app'] })));
      expect(push).toHaveBeenCalledTimes(1);
      expect(events.filter(({ state }) => state === 'uploaded')).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({ state: 'exists', blob: { entry: 'copy.tar' } });
      expect(pusher.outcomes(['one', 'two'], 'app')).toEqual([UPLOADED]);
    });

    it('are sent to every repository that needs them', async () => {
      await pusher.push({ content: contentOf({ key: 'one' }), repositories: ['a'] });
      await pusher.push({ content: contentOf({ key: 'two' }), repositories: ['b'] });
      expect(push.mock.calls.map(([repository]) => repository)).toEqual(['a', 'b']);
    });

    it('fail together', async () => {
      push.mockRejectedValue(new Error('broken'));
      const contents = [contentOf({ key: 'one' }), contentOf({ key: 'two' })];
      const all = contents.map((content) => pusher.push({ content, repositories: ['app'] }));
      expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(push).toHaveBeenCalledTimes(1);
    });
  });

  describe('when the archive is at fault', () => {
    const fault = new ValidationError('layer.tar is damaged', []);

    it.each([
      ['a transport that wraps what its body fails with', new RegistryError('failed', { code: 'BODY', cause: fault })],
      ['a transport that does not', fault],
    ])('says so through %s', async (_, error) => {
      push.mockRejectedValue(error);
      await expect(pusher.push({ content: contentOf(), repositories: ['app'] })).rejects.toBe(fault);
    });

    it('is told from a network that is', async () => {
      const error = new RegistryError('reset', { code: 'ECONNRESET', cause: new Error('socket') });
      push.mockRejectedValue(error);
      await expect(pusher.push({ content: contentOf(), repositories: ['app'] })).rejects.toBe(error);
    });
  });

  describe('a layer that is known', () => {
    const KNOWN = { mediaType: 'layer', digest: digestOf('packed'), size: 6 };
    const link = jest.fn<BlobService['link']>();
    const fetch = jest.fn<BlobService['fetch']>();
    const prepare = jest.fn<Content['prepare']>();
    const content = contentOf({ compresses: true, prepare });
    const held = new Set<string>();
    const remembered: string[] = [];
    const known = {
      find: jest.fn<KnownLayers['find']>(),
      holds: (repository: string, digest: string) => held.has(`${repository} ${digest}`),
      remember: ({ key }: Content, { digest }: { digest: string }, repository: string) => {
        remembered.push(`${key} is ${digest} in ${repository}`);
        return Promise.resolve();
      },
    };

    beforeEach(() => {
      jest.resetAllMocks();
      held.clear();
      remembered.length = 0;
      known.find.mockResolvedValue({ descriptor: KNOWN, from: 'other' });
      push.mockImplementation((_, { descriptor }) => Promise.resolve({ ...UPLOADED, descriptor }));
      pushStream.mockResolvedValue(UPLOADED);
      prepare.mockResolvedValue({ mediaType: 'streamed', open: () => reading(() => undefined) });
      const service = Object.assign(Object.create(BlobService.prototype) as BlobService, {
        ...{ push, pushStream, link, fetch },
      });
      const onProgress = (event: PushEvent) => void events.push(event);
      pusher = new BlobPusher(service, { signal: controller.signal, onProgress, known });
    });

    it('to be in the repository is neither asked for nor read', async () => {
      held.add(`app ${KNOWN.digest}`);
      await pusher.push({ content, repositories: ['app'] });
      for (const mock of [link, push, pushStream, prepare]) expect(mock).not.toHaveBeenCalled();
      expect(states()).toEqual(['started', 'exists']);
      expect(pusher.outcomes(['key'], 'app')).toEqual([{ descriptor: KNOWN, outcome: 'exists', bytesSent: 0 }]);
    });

    it.each(['exists', 'mounted'] as const)('is not read when it %s where it was seen', async (outcome) => {
      link.mockResolvedValue({ descriptor: KNOWN, outcome, bytesSent: 0 });
      await pusher.push({ content, repositories: ['app'] });
      expect(link.mock.calls).toEqual([['app', KNOWN, { signal: controller.signal, mountFrom: 'other' }]]);
      expect(prepare).not.toHaveBeenCalled();
      expect(states()).toEqual(['started', outcome]);
    });

    it('is read after all when it is there no more', async () => {
      link.mockResolvedValue(undefined);
      await pusher.push({ content, repositories: ['app'] });
      expect(pushStream).toHaveBeenCalledTimes(1);
      expect(pusher.descriptors().get('key')).toEqual(DESCRIPTOR);
    });

    it('fails with what the registry fails with', async () => {
      const error = new RegistryError('the disk is full', { code: 'UNKNOWN', status: 507 });
      link.mockRejectedValue(error);
      await expect(pusher.push({ content, repositories: ['app'] })).rejects.toBe(error);
    });

    it('is the same blob in every repository, and is linked into those that lack it', async () => {
      held.add(`a ${KNOWN.digest}`).add(`b ${KNOWN.digest}`);
      await pusher.push({ content, repositories: ['a', 'b', 'c'] });
      expect(
        push.mock.calls.map(([repository, { descriptor }, { mountFrom }]) => [repository, descriptor, mountFrom]),
      ).toEqual([['c', KNOWN, 'a']]);
      expect(link).not.toHaveBeenCalled();
      expect([...pusher.descriptors().values()]).toEqual([KNOWN]);
    });

    it('comes from the registry where it cannot be linked: packed anew it might be another blob', async () => {
      held.add(`a ${KNOWN.digest}`);
      fetch.mockImplementation(() => Promise.resolve(Readable.from([Buffer.from('packed')])));
      push.mockImplementation(async (_, content) => {
        expect((await buffer(await content.open())).toString()).toBe('packed');
        return { ...UPLOADED, descriptor: content.descriptor };
      });
      await pusher.push({ content, repositories: ['a', 'b'] });
      expect(fetch.mock.calls).toEqual([['a', KNOWN, { signal: controller.signal }]]);
      expect(prepare).not.toHaveBeenCalled();
    });

    it('is sought in the repositories that need it', async () => {
      link.mockResolvedValue({ descriptor: KNOWN, outcome: 'mounted', bytesSent: 0 });
      await pusher.push({ content, repositories: ['a', 'b'] });
      expect(known.find).toHaveBeenCalledWith(content, ['a', 'b']);
    });

    it('is remembered for each repository, as is one that was not known', async () => {
      link.mockResolvedValue({ descriptor: KNOWN, outcome: 'mounted', bytesSent: 0 });
      await pusher.push({ content, repositories: ['a', 'b'] });
      known.find.mockResolvedValue(undefined);
      await pusher.push({ content: { ...content, key: 'new' }, repositories: ['a'] });
      expect(remembered).toEqual([
        `key is ${KNOWN.digest} in a`,
        `key is ${KNOWN.digest} in b`,
        `new is ${DESCRIPTOR.digest} in a`,
      ]);
    });

    it('need not be one: a config that a manifest names is not asked for either', async () => {
      known.find.mockResolvedValue(undefined);
      held.add(`app ${DESCRIPTOR.digest}`);
      await pusher.push({ content: contentOf(), repositories: ['app'] });
      expect(push).not.toHaveBeenCalled();
      expect(states()).toEqual(['started', 'exists']);
    });
  });

  it('sends nothing once it is cancelled', async () => {
    controller.abort(new Error('enough'));
    await expect(pusher.push({ content: contentOf(), repositories: ['app'] })).rejects.toThrow('enough');
    expect(push).not.toHaveBeenCalled();
    expect(events).toEqual([]);
  });

  it('fails with what the user’s own listener throws', async () => {
    const service = Object.assign(Object.create(BlobService.prototype) as BlobService, { push });
    const onProgress = () => {
      throw new Error('the listener is broken');
    };
    const failing = new BlobPusher(service, { signal: controller.signal, onProgress });
    await expect(failing.push({ content: contentOf(), repositories: ['app'] })).rejects.toThrow('listener is broken');
  });

  it('remembers what every key became', async () => {
    await pusher.push({ content: contentOf({ key: 'one' }), repositories: ['a', 'b'] });
    expect([...pusher.descriptors()]).toEqual([['one', DESCRIPTOR]]);
    expect(pusher.outcomes(['one'], 'b')).toEqual([UPLOADED]);
  });
});
