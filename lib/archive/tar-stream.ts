import type { Readable } from 'node:stream';
import { PassingContent } from './passing-content.js';
import { StreamSource } from './stream-source.js';
import type { TarEntry } from './tar-entry.js';
import { TarHeaderReader } from './tar-header-reader.js';

/** An entry that passes; its content is there until the next one is asked for. */
export interface PassingEntry {
  entry: TarEntry;
  content: PassingContent;
}

/** One pass over a tar that comes through a pipe, plain or packed whole with gzip (or zstd where Node has it). */
export class TarStream {
  private constructor(private readonly source: StreamSource) {}

  /**
   * Waits for the first bytes.
   * @throws TarReadError when the stream fails, or cannot be unpacked here
   * @throws InvalidArgumentError when it gives something other than bytes
   */
  static async open(input: Readable): Promise<TarStream> {
    return new TarStream(await StreamSource.open(input));
  }

  /** For messages. */
  get name(): string {
    return this.source.name;
  }

  /**
   * In their order, links and folders too. What is not read of a content is skipped.
   * @throws TarReadError on anything that is not a complete, undamaged tar, also behind its end
   */
  async *entries(): AsyncGenerator<PassingEntry> {
    for await (const entry of new TarHeaderReader(this.source).entries()) {
      yield { entry, content: new PassingContent(this.source, entry) };
    }
  }

  /** Lets go of the stream, which ends a wait for bytes that do not come. */
  close(): void {
    this.source.close();
  }
}
