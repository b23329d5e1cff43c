import { Readable, Writable } from 'node:stream';
import type { Io } from '../../lib/cli/io.js';
import { run } from '../../lib/cli/program.js';

/** A process that only writes down what it is told. */
export class FakeIo implements Io {
  err = '';
  readerRequired = false;
  private readonly written: Buffer[] = [];
  private readonly interrupted = new AbortController();
  readonly signal = this.interrupted.signal;
  readonly stdoutStream: Io['stdoutStream'];
  /** Standard error is no terminal unless a spec makes it one. */
  screen: Io['screen'] = {};

  constructor(
    readonly env: Io['env'] = {},
    { isTTY = false } = {},
    readonly stdin: Io['stdin'] = Readable.from([]),
  ) {
    const write: (chunk: Buffer, encoding: string, done: () => void) => void = (chunk, _, done) => {
      this.written.push(chunk);
      done();
    };
    this.stdoutStream = Object.assign(new Writable({ write }), { isTTY });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }

  get out(): string {
    return this.bytes.toString();
  }

  readonly stdout = (content: string | Uint8Array): void => {
    this.written.push(Buffer.from(content));
  };

  readonly stderr = (text: string): void => {
    this.err += text;
  };

  readonly requireReader = (): void => {
    this.readerRequired = true;
  };

  interrupt(): void {
    this.interrupted.abort();
  }

  /** The user interrupts as soon as standard error says this. */
  interruptAt(words: string): void {
    Object.assign(this, {
      stderr: (text: string): void => {
        this.err += text;
        if (text.includes(words)) this.interrupt();
      },
    });
  }
}

/** What a program leaves behind. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs a command line to its end, in this process. */
export async function cli(args: readonly string[], env: Io['env'] = {}, stdin?: Io['stdin']): Promise<Ended> {
  const io = new FakeIo(env, {}, stdin);
  const code = await run(args, io);
  return { code, out: io.out, err: io.err };
}
