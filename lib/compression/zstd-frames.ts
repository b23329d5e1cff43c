const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const CHECKSUM_SIZE = 4;
const RLE_BLOCK = 1;

/** What the format expects next: a little-endian number of so many bytes, so many bytes of anything, or the end of a frame. */
type Expected = { number: number } | { content: number } | 'end of frame';

/**
 * Cuts zstd content at the ends of its frames. Node's decompressor reads on when a frame ended with the chunk, but drops
 * what follows it in the same chunk; podman's zstd:chunked layers and pzstd write many frames one after another.
 * Nor does it mind that a frame behind the first is cut short.
 * @throws Error when a frame is cut short, or something that is not a frame follows
 */
export async function* splitZstdFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const cutter = new FrameCutter();
  for await (const chunk of source) yield* cutter.cut(chunk);
  if (!cutter.isBetweenFrames) throw new Error('unexpected end of file');
}

/** Follows the format through chunks that end anywhere. */
class FrameCutter {
  private readonly format = frames();
  private expected = this.format.next(0).value;
  /** Of what is expected, already there. */
  private seen = 0;
  private number = 0;
  isBetweenFrames = true;

  *cut(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      at += this.take(chunk, at);
      this.isBetweenFrames = this.expected === 'end of frame';
      if (!this.isBetweenFrames) continue;
      yield chunk.subarray(start, at);
      start = at;
      this.expect(0);
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }

  /** Bytes taken. */
  private take(chunk: Buffer, at: number): number {
    const expected = this.expected as Exclude<Expected, string>;
    if ('number' in expected) {
      this.number += (chunk[at] as number) * 2 ** (8 * this.seen);
      if (++this.seen === expected.number) this.expect(this.number);
      return 1;
    }
    const taken = Math.min(expected.content - this.seen, chunk.length - at);
    this.seen += taken;
    if (this.seen === expected.content) this.expect(0);
    return taken;
  }

  private expect(answer: number): void {
    do this.expected = this.format.next(answer).value;
    while (typeof this.expected === 'object' && 'content' in this.expected && this.expected.content === 0);
    this.seen = 0;
    this.number = 0;
  }
}

/** RFC 8878 §3.1: frames with content and skippable ones, in any order. */
function* frames(): Generator<Expected, never, number> {
  for (;;) {
    const magic = yield { number: 4 };
    // Of a skippable frame the last four bits are free.
    if (magic - (magic % 16) === SKIPPABLE_MAGIC) yield { content: yield { number: 4 } };
    else if (magic === FRAME_MAGIC) yield* frame();
    else throw new Error('something that is not zstd follows the end of a frame');
    yield 'end of frame';
  }
}

/** RFC 8878 §3.1.1. */
function* frame(): Generator<Expected, void, number> {
  const descriptor = yield { number: 1 };
  yield { content: headerSize(descriptor) };
  for (let isLast = false; !isLast;) {
    const header = yield { number: 3 };
    isLast = (header & 1) === 1;
    const isRepeated = ((header >> 1) & 3) === RLE_BLOCK;
    yield { content: isRepeated ? 1 : header >> 3 };
  }
  if (descriptor & 4) yield { content: CHECKSUM_SIZE };
}

/** RFC 8878 §3.1.1.1: what follows the descriptor, that is the window, the dictionary's name and the size of the content. */
function headerSize(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}
