import type { Io } from '../../lib/cli/io.js';
import { run } from '../../lib/cli/program.js';

/** A process that only writes down what it is told. */
export class FakeIo implements Io {
  out = '';
  err = '';
  private readonly interrupted = new AbortController();
  readonly signal = this.interrupted.signal;

  constructor(readonly env: Io['env'] = {}) {}

  readonly stdout = (text: string): void => {
    this.out += text;
  };

  readonly stderr = (text: string): void => {
    this.err += text;
  };

  interrupt(): void {
    this.interrupted.abort();
  }
}

/** What a program leaves behind. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs a command line to its end, in this process. */
export async function cli(args: readonly string[], env: Io['env'] = {}): Promise<Ended> {
  const io = new FakeIo(env);
  const code = await run(args, io);
  return { code, out: io.out, err: io.err };
}
