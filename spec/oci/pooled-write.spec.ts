import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { setImmediate as tick } from 'node:timers/promises';
import { buffers } from '../../lib/oci/buffer-pool.js';
import { aheadWriter, pooledWrite } from '../../lib/oci/pooled-write.js';

/** Takes bytes when it is told to. */
function slow(highWaterMark: number): { to: Writable; take: (error?: Error) => void } {
  const pending: ((error?: Error) => void)[] = [];
  const to = new Writable({ highWaterMark, write: (_chunk, _encoding, done) => void pending.push(done) });
  to.on('error', () => undefined);
  return { to, take: (error) => pending.shift()?.(error) };
}

async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  return Promise.race([Promise.resolve(promise).then(() => true), tick().then(() => false)]);
}

describe('pooledWrite', () => {
  it('has nothing to wait for while there is room', () => {
    expect(pooledWrite(slow(100).to, Buffer.from('x'))).toBeUndefined();
  });

  it('resolves when these bytes are taken, whatever waits behind them', async () => {
    const { to, take } = slow(1);
    const [first, second] = [pooledWrite(to, Buffer.from('one')), pooledWrite(to, Buffer.from('two'))];
    expect(await isSettled(first)).toBe(false);
    take();
    expect([await isSettled(first), await isSettled(second)]).toEqual([true, false]);
  });

  it('gives the buffer back to the pool once it is taken, and not before', async () => {
    const { to, take } = slow(1);
    const bytes = buffers.take();
    const written = pooledWrite(to, bytes);
    expect(buffers.take().buffer).not.toBe(bytes.buffer);
    take();
    await written;
    expect(buffers.take().buffer).toBe(bytes.buffer);
  });

  it.each<[string, (stream: ReturnType<typeof slow>) => void]>([
    ['the stream is destroyed', ({ to }) => to.destroy()],
    ['the write fails', ({ take }) => take(new Error('EPIPE'))],
  ])('resolves when %s, and keeps the buffer from the pool', async (_, end) => {
    const stream = slow(1);
    const bytes = buffers.take();
    const written = pooledWrite(stream.to, bytes);
    end(stream);
    await expect(written).resolves.toBeUndefined();
    expect(buffers.take().buffer).not.toBe(bytes.buffer);
  });

  it('leaves no listener behind', async () => {
    const { to, take } = slow(1);
    const before = to.listenerCount('close');
    const written = pooledWrite(to, Buffer.from('x'));
    take();
    await written;
    expect(to.listenerCount('close')).toBe(before);
  });
});

describe('aheadWriter', () => {
  it('waits for the chunk before, and not for the one it writes', async () => {
    const { to, take } = slow(1);
    const write = aheadWriter(to);
    expect(await isSettled(write(Buffer.from('one')))).toBe(true);
    const second = write(Buffer.from('two'));
    expect(await isSettled(second)).toBe(false);
    take();
    expect(await isSettled(second)).toBe(true);
    const third = write(Buffer.from('three'));
    expect(await isSettled(third)).toBe(false);
    to.destroy();
    expect(await isSettled(third)).toBe(true);
  });
});
