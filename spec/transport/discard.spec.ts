import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { discard } from '../../lib/transport/discard.js';

describe('discard', () => {
  afterEach(() => void jest.useRealTimers());

  it('reads a short rest to its end, which keeps the connection', async () => {
    const body = Readable.from([Buffer.alloc(1000), Buffer.alloc(1000)]);
    discard({ body });
    await new Promise((resolve) => body.once('close', resolve));
    expect(body.readableEnded).toBe(true);
  });

  it('destroys a long one', async () => {
    let produced = 0;
    const body = new Readable({
      read() {
        produced += 16 * 1024;
        this.push(Buffer.alloc(16 * 1024));
      },
    });
    discard({ body });
    await new Promise((resolve) => body.once('close', resolve));
    expect(body.readableEnded).toBe(false);
    expect(produced).toBeLessThan(256 * 1024);
  });

  it('destroys one that dribbles', () => {
    jest.useFakeTimers();
    const body = new Readable({ read: () => undefined });
    discard({ body });
    jest.advanceTimersByTime(4999);
    expect(body.destroyed).toBe(false);
    jest.advanceTimersByTime(1);
    expect(body.destroyed).toBe(true);
  });

  it('does not mind one that breaks', async () => {
    const body = new Readable({ read: () => undefined });
    discard({ body });
    body.destroy(new Error('broken'));
    await sleep(1);
    expect(body.destroyed).toBe(true);
  });

  it('leaves no timer behind', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    const body = Readable.from([]);
    discard({ body });
    await new Promise((resolve) => body.once('close', resolve));
    expect(jest.getTimerCount()).toBe(0);
  });
});
