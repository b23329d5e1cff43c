import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { RegistryError, ValidationError } from '../../lib/errors.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { BlobContent, BlobPushOptions, PushedBlob, StreamedContent } from '../../lib/services/blob-service.js';
import { BlobService } from '../../lib/services/blob-service.js';
import { BlobPusher } from '../../lib/transfer/blob-pusher.js';
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
