import type { ClientRequest } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdleTimer } from '../../lib/transport/idle-timer.js';
import { RequestBodyPump } from '../../lib/transport/request-body-pump.js';

/** As much of a request as the pump sees: a stream with a socket. */
class FakeRequest extends PassThrough {
  constructor(public socket: PassThrough | null = new PassThrough()) {
    super({ highWaterMark: 4 });
    this.on('drain', () => this.socket?.emit('drain')).on('error', () => undefined);
  }
}

// Over sockets it is tried in axios-transport.spec.ts and exchange.spec.ts.
describe('RequestBodyPump', () => {
  const start = jest.spyOn(IdleTimer.prototype, 'start');
  const stop = jest.spyOn(IdleTimer.prototype, 'stop');
  let idle: IdleTimer;
  let request: FakeRequest;

  beforeEach(() => {
    start.mockClear();
    stop.mockClear();
    idle = new IdleTimer(() => undefined);
    request = new FakeRequest();
  });

  afterEach(() => {
    idle.stop();
    request.destroy();
  });

  const pump = (source: Readable, size?: number) => {
    const pumping = new RequestBodyPump(source, size, idle, { idle: 100, answer: 500 });
    pumping.pipe(request as unknown as ClientRequest);
    return pumping;
  };
  const content = (...chunks: string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

  it('writes everything, and ends the request', async () => {
    const pumping = pump(content('one ', 'two ', 'three'), 13);
    await expect(text(request)).resolves.toBe('one two three');
    await pumping.finished();
    expect(pumping).toMatchObject({ sent: 13, isComplete: true, failure: undefined });
  });

  it('looks at the clock while it waits for the server, never for the source', async () => {
    const source = new PassThrough();
    const pumping = pump(source);
    source.write('x');
    await sleep(5);
    expect(start).not.toHaveBeenCalled();
    source.write('more than fits');
    await sleep(5);
    expect(start.mock.calls).toEqual([[100, 'sending']]);
    request.resume();
    await sleep(5);
    source.end();
    await pumping.finished();
    expect(start.mock.calls).toEqual([
      [100, 'sending'],
      [500, 'waiting for the answer'],
    ]);
  });

  it('rests between two chunks, however long the source takes', async () => {
    const onIdle = jest.fn();
    idle = new IdleTimer(onIdle);
    const source = new PassThrough();
    const pumping = new RequestBodyPump(source, undefined, idle, { idle: 20, answer: 5000 });
    pumping.pipe(request as unknown as ClientRequest);
    source.write('more than fits');
    await sleep(5);
    request.resume();
    await sleep(60);
    expect(onIdle).not.toHaveBeenCalled();
    source.end();
    await pumping.finished();
  });

  it('reads nothing before there is a connection', async () => {
    request = new FakeRequest(null);
    const read = jest.fn(function (this: Readable) {
      this.push(null);
    });
    const pumping = pump(new Readable({ read }));
    await sleep(5);
    expect(read).not.toHaveBeenCalled();
    request.socket = new PassThrough();
    request.emit('socket', request.socket);
    request.resume();
    await pumping.finished();
    expect(pumping.isComplete).toBe(true);
  });

  it('is over when the request is closed, whatever its source does', async () => {
    const stuck = new Readable({ read: () => undefined });
    const pumping = pump(stuck);
    request.destroy();
    await pumping.finished();
    expect(pumping).toMatchObject({ isComplete: false, failure: undefined });
  });

  it('keeps the failure of its source, and ends the request with it', async () => {
    const reason = new Error('disk gone');
    const source = new PassThrough();
    const pumping = pump(source);
    source.destroy(reason);
    await pumping.finished();
    expect(pumping.failure).toBe(reason);
    expect(request.errored).toBe(reason);
  });

  it('hears of that failure while the server takes nothing', async () => {
    const source = new PassThrough();
    const pumping = pump(source);
    source.write('more than fits');
    await sleep(5);
    source.destroy(new Error('disk gone'));
    await pumping.finished();
    expect(pumping.failure).toEqual(new Error('disk gone'));
  });

  it('takes the end of the request for no failure of its source', async () => {
    const source = new PassThrough();
    const pumping = pump(source);
    request.destroy(new Error('reset'));
    source.destroy(new Error('later'));
    await pumping.finished();
    expect(pumping.failure).toBeUndefined();
  });

  it.each([
    ['only 3', ['abc'], 4],
    ['more than 4', ['abc', 'de'], 4],
  ])('refuses a content that has %s bytes', async (what, chunks, size) => {
    const pumping = pump(content(...chunks), size);
    request.resume();
    await pumping.finished();
    expect(pumping.failure).toMatchObject({ code: 'BODY_SIZE_MISMATCH', retryable: false });
    expect(pumping.failure?.message).toContain(`promised with 4 bytes but has ${what}`);
    expect(pumping.isComplete).toBe(false);
  });

  it('counts the bytes of text', async () => {
    const pumping = pump(Readable.from(['täxt']), 5);
    request.resume();
    await pumping.finished();
    expect(pumping).toMatchObject({ sent: 5, isComplete: true });
  });

  it('closes its source, one that was never piped too', async () => {
    const source = new PassThrough();
    const unused = new RequestBodyPump(source, undefined, idle, { idle: 100, answer: 500 });
    source.destroy(new Error('heard by nobody'));
    await sleep(1);
    unused.stop();
    expect(source.destroyed).toBe(true);
    await unused.finished();
  });
});
