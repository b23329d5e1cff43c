import { describe, expect, it } from '@jest/globals';
import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { digestOf } from '../../lib/oci/digest.js';
import { type ExpectedContent, VerifyStream } from '../../lib/oci/verify-stream.js';

const CONTENT = Buffer.from('the content of a blob, in several chunks');

class Mismatch extends Error {
  constructor(
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`expected ${expected}, got ${actual}`);
  }
}

function stream(expected: ExpectedContent): VerifyStream {
  return new VerifyStream(expected, (wanted, got) => new Mismatch(wanted, got));
}

function chunks(content: Buffer): Buffer[] {
  return [content.subarray(0, 3), content.subarray(3, 10), content.subarray(10)];
}

async function through(verify: VerifyStream, content: Buffer): Promise<Buffer> {
  return buffer(Readable.from(chunks(content)).pipe(verify));
}

describe('VerifyStream', () => {
  const right = { digest: digestOf(CONTENT), size: CONTENT.length };

  it('passes on content that is what was promised, with its size and digest', async () => {
    const verify = stream(right);
    expect((await through(verify, CONTENT)).equals(CONTENT)).toBe(true);
    expect(verify).toMatchObject(right);
  });

  it('computes the digest that was promised by its algorithm', async () => {
    const digest = digestOf(CONTENT, 'sha512');
    const verify = stream({ digest });
    await through(verify, CONTENT);
    expect(verify.digest).toBe(digest);
  });

  it('checks nothing that was not promised, and still tells what it saw', async () => {
    const verify = stream({});
    await through(verify, CONTENT);
    expect(verify).toMatchObject(right);
  });

  it('passes on empty content', async () => {
    await expect(through(stream({ size: 0, digest: digestOf('') }), Buffer.alloc(0))).resolves.toHaveLength(0);
  });

  it.each<[string, ExpectedContent]>([
    ['with a size', right],
    ['without one', { digest: right.digest }],
  ])('fails at the end of content with one bit flipped, %s', async (_, expected) => {
    const flipped = Buffer.from(CONTENT);
    flipped[20] = flipped[20]! ^ 1;
    const expectedError = { expected: right.digest, actual: digestOf(flipped) };
    await expect(through(stream(expected), flipped)).rejects.toMatchObject(expectedError);
  });

  it('fails at the end of content that is short', async () => {
    const expectedError = { expected: `${CONTENT.length} bytes`, actual: `${CONTENT.length - 1} bytes` };
    await expect(through(stream(right), CONTENT.subarray(0, -1))).rejects.toMatchObject(expectedError);
    await expect(through(stream(right), Buffer.alloc(0))).rejects.toMatchObject({ actual: '0 bytes' });
  });

  it('fails at the first byte too many and passes no chunk on that holds one', async () => {
    const passed: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        passed.push(chunk);
        done();
      },
    });
    async function* endless() {
      for (;;) yield await setImmediate(CONTENT);
    }
    const running = pipeline(endless, stream({ size: CONTENT.length }), sink);
    await expect(running).rejects.toMatchObject({ actual: `more than ${CONTENT.length} bytes` });
    expect(Buffer.concat(passed).length).toBeLessThanOrEqual(CONTENT.length);
  });

  it('counts while the content passes, and knows the digest only at the end', async () => {
    const verify = stream(right);
    verify.write(CONTENT.subarray(0, 5));
    expect(verify.size).toBe(5);
    expect(() => verify.digest).toThrow('only at the end');
    verify.end(CONTENT.subarray(5));
    await buffer(verify);
    expect(verify.digest).toBe(right.digest);
  });

  it('hands an error of its source on', async () => {
    const broken = Readable.from(
      (function* () {
        yield CONTENT;
        throw new Error('connection lost');
      })(),
    );
    await expect(pipeline(broken, stream({}), new Writable({ write: (_chunk, _, done) => done() }))).rejects.toThrow(
      'connection lost',
    );
  });

  it('refuses to start with a digest that is none', () => {
    expect(() => stream({ digest: 'md5:abc' })).toThrow('is not a digest');
  });
});
