import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { TarLayout } from '../../lib/archive/tar-layout.js';
import { StreamSink } from '../../lib/transfer/stream-sink.js';

const CONTENT = Buffer.alloc(300_000, 'content');
const layout = new TarLayout([{ name: 'file', size: CONTENT.length }]);
const [file] = layout.files;

const { signal } = new AbortController();

/** Takes a chunk now and then, and says so. */
function slow(onWrite: () => void = () => undefined): Writable {
  const write = (_chunk: Buffer, _encoding: string, done: () => void): void => {
    onWrite();
    setImmediate(done);
  };
  return new Writable({ highWaterMark: 1000, write });
}

function chunks(size: number): Readable {
  const parts = Array.from({ length: CONTENT.length / size }, (_, i) => CONTENT.subarray(i * size, (i + 1) * size));
  return Readable.from(parts, { objectMode: false });
}

describe('StreamSink', () => {
  it('writes header, content, padding and end, and leaves the stream open', async () => {
    const target = new PassThrough();
    const reading = buffer(target);
    const sink = new StreamSink(target, signal);
    await sink.write(file!, chunks(10_000));
    await sink.finish();
    expect(target.writableEnded).toBe(false);
    target.end();
    const written = await reading;
    expect(written).toHaveLength(layout.size);
    expect(written.subarray(file!.position, file!.position + CONTENT.length).equals(CONTENT)).toBe(true);
  });

  it('is finished when everything is taken, and not before', async () => {
    let taken = 0;
    const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
      setTimeout(() => {
        taken += chunk.length;
        done();
      }, 5);
    };
    const sink = new StreamSink(new Writable({ highWaterMark: 2 ** 30, write }), signal);
    await sink.write(file!, chunks(100_000));
    await sink.finish();
    expect(taken).toBe(layout.size);
  });

  it('does not wait at all when it is cancelled already', async () => {
    const target = new Writable({ highWaterMark: 1, write: () => undefined });
    const sink = new StreamSink(target, AbortSignal.abort(new Error('enough')));
    await expect(sink.write(file!, chunks(100_000))).rejects.toThrow('enough');
    await expect(sink.finish()).rejects.toThrow('enough');
  });

  it('adds no listener for each chunk a slow stream makes it wait for', async () => {
    let most = 0;
    const events = ['drain', 'close', 'error'];
    const target = slow(() => (most = Math.max(most, ...events.map((event) => target.listenerCount(event)))));
    const before = events.map((event) => target.listenerCount(event));
    const sink = new StreamSink(target, signal);
    await sink.write(file!, chunks(10_000));
    await sink.finish();
    expect(most).toBeLessThanOrEqual(Math.max(...before) + 2);
    expect(events.map((event) => target.listenerCount(event))).toEqual(before);
  });

  it('fails with what broke the stream, and takes its listener away', async () => {
    const target = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
    const sink = new StreamSink(target, signal);
    await expect(sink.write(file!, chunks(100_000))).rejects.toThrow('no space left');
    await sink.abandon();
    expect(target.listenerCount('error')).toBe(0);
  });

  it.each([
    ['destroyed', (target: Writable) => target.destroy()],
    ['ended', (target: Writable) => target.end()],
  ])('fails when the stream was %s before', async (_, close) => {
    const target = slow();
    close(target);
    await expect(new StreamSink(target, signal).write(file!, chunks(100_000))).rejects.toThrow('was closed before');
  });

  it('fails when the stream is closed under it', async () => {
    const target = slow(() => target.destroy());
    await expect(new StreamSink(target, signal).write(file!, chunks(100_000))).rejects.toThrow('was closed before');
  });

  it('waits no longer for a reader that takes nothing when it is cancelled', async () => {
    const cancelled = new AbortController();
    const target = new Writable({ highWaterMark: 1000, write: () => undefined });
    const writing = new StreamSink(target, cancelled.signal).write(file!, chunks(100_000));
    setImmediate(() => cancelled.abort(new Error('enough')));
    await expect(writing).rejects.toThrow('enough');
  });
});
