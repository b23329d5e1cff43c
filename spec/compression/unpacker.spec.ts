import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { createUnpacker, type Unpacker, unpackingHint } from '../../lib/compression/unpacker.js';
import { noise, toBuffer } from '../support/content.js';
import { hasZstd } from '../support/image-tar.js';

async function unpacked({ input, output }: Unpacker, chunks: readonly Buffer[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  const reading = (async () => {
    for await (const part of output) parts.push(part as Buffer);
  })();
  for (const chunk of chunks) input.write(chunk);
  input.end();
  await reading;
  return Buffer.concat(parts);
}

describe('createUnpacker', () => {
  it('unpacks gzip, of several members too', async () => {
    const plain = toBuffer(noise(1_000_000));
    const chunks = [gzipSync(plain.subarray(0, 10)), gzipSync(plain.subarray(10))];
    expect((await unpacked(createUnpacker('gzip')!, chunks)).equals(plain)).toBe(true);
  });

  it('fails where gzip is damaged', async () => {
    await expect(unpacked(createUnpacker('gzip')!, [Buffer.from('not gzip')])).rejects.toThrow(
      'incorrect header check',
    );
  });

  it('destroys its input with its output', async () => {
    const { input, output } = createUnpacker('gzip')!;
    output.destroy();
    await once(output, 'close');
    expect(input.destroyed).toBe(true);
  });

  it.each(['none', 'xz', 'bzip2'] as const)('has nothing for %s', (packing) => {
    expect(createUnpacker(packing)).toBeUndefined();
  });

  it('unpacks zstd, all frames of it, where Node can', async () => {
    const unpacker = createUnpacker('zstd');
    expect(unpacker !== undefined).toBe(hasZstd());
    if (!unpacker) return;
    const first = Buffer.from('KLUv/SQMYQAAZmlyc3QgZnJhbWUKDsLHKg==', 'base64');
    const second = Buffer.from('KLUv/SQxHQEA6HNlY29uZCBmcmFtZSwgd2l0aCBtb3JlIHRleHQKAQCALk7ls2dr', 'base64');
    const skippable = Buffer.from('502a4d180500000068656c6c6f', 'hex');
    const plain = 'first frame\nsecond frame, with more text text text text text\n';
    const whole = Buffer.concat([skippable, first, second, skippable]);
    expect((await unpacked(unpacker, [whole])).toString()).toBe(plain);
    const bytes = [...whole].map((byte) => Buffer.from([byte]));
    expect((await unpacked(createUnpacker('zstd')!, bytes)).toString()).toBe(plain);
    await expect(unpacked(createUnpacker('zstd')!, [first, second.subarray(0, 20)])).rejects.toThrow('unexpected end');
    await expect(unpacked(createUnpacker('zstd')!, [first, Buffer.from('garbage')])).rejects.toThrow('is not zstd');
    const stopped = createUnpacker('zstd')!;
    stopped.output.destroy();
    await new Promise((resolve) => stopped.input.once('close', resolve));
    expect(stopped.input.destroyed).toBe(true);
  });
});

describe('unpackingHint', () => {
  it('names the program, and the Node that can', () => {
    expect(unpackingHint('xz')).toBe('Unpack it first, with xz -d.');
    expect(unpackingHint('zstd')).toBe('Unpack it first, with zstd -d, or use Node 22.15 or later, which reads zstd.');
  });
});
