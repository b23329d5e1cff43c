import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { RegistryClientError } from '../errors.js';
import { aheadWriter } from '../oci/pooled-write.js';
import { inPooled } from '../oci/in-pooled.js';
import { derivedStream } from '../oci/tap-stream.js';
import { printable } from '../redact.js';
import type { Compressor } from './compressor.js';
import { GzipCheck } from './gzip-check.js';
import type { GzipProgram } from './gzip-programs.js';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Bytes of its complaints that are kept. */
const MAX_STDERR = 4 * 1024;

/**
 * gzip by a program, without a shell: the layer goes into its standard input, and what it writes is checked for a header
 * without name and time and for the trailer that belongs to the layer, so that no layer counts as sent before all of it came
 * out again.
 */
export class ExternalGzip implements Compressor {
  readonly packing = 'gzip';

  /** @param patience - milliseconds without a byte of a program that has something to do, until it is killed */
  constructor(
    private readonly program: GzipProgram,
    private readonly patience = 60_000,
  ) {}

  /** The result fails with code `COMPRESSOR_FAILED` and `retryable` when the program does not do what it should. */
  compress(source: Readable): Readable {
    const run = new Run(this.program, source, this.patience);
    return derivedStream(source, inPooled(run.output()), () => run.stop());
  }
}

/** One layer in one process. */
class Run {
  private readonly check = new GzipCheck();
  private child: Child | undefined;
  private stopped = false;
  private problem: string | undefined;
  private stderr = '';
  /** Whether somebody waits for output, and whether the layer is being read: silence is the program's fault only then. */
  private isAsked = false;
  private isReading = false;

  constructor(
    private readonly program: GzipProgram,
    private readonly source: Readable,
    private readonly patience: number,
  ) {}

  async *output(): AsyncGenerator<Buffer> {
    const child = this.stopped ? undefined : this.start();
    if (!child) return this.verify();
    const watchdog = setTimeout(() => this.bark(watchdog), this.patience);
    const [ended, fed] = [this.ended(child), this.feed(child.stdin, watchdog)];
    try {
      const chunks = (child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      for (let chunk = await this.next(chunks); chunk; chunk = await this.next(chunks)) {
        this.check.addPacked(chunk);
        yield chunk;
        watchdog.refresh();
      }
      // Its end is what it owes now; it may have closed its output and stay.
      this.isAsked = true;
      // What the layer fails with explains more than what that did to the process.
      await Promise.race([fed, ended]);
      await ended;
      this.verify();
    } finally {
      clearTimeout(watchdog);
      this.stop();
    }
  }

  /** A process that is not needed any more; Node collects what is left of it. */
  stop(): void {
    this.stopped = true;
    this.child?.kill('SIGKILL');
    // A process the program started may hold the pipes open after it, and nothing is over before they are closed.
    this.child?.stdout.destroy();
    this.child?.stderr.destroy();
  }

  /** @returns undefined when there is a problem */
  private start(): Child | undefined {
    const child = this.spawned();
    if (!child) return undefined;
    this.child = child;
    child.stderr.on(
      'data',
      (text: Buffer) => (this.stderr = (this.stderr + text.toString('utf8')).slice(0, MAX_STDERR)),
    );
    // It may end without having read everything; how it ended says more.
    child.stdin.on('error', () => undefined);
    return child;
  }

  private spawned(): Child | undefined {
    const { path, args } = this.program;
    // pigz takes options from these, and other bytes would come out.
    const env = { ...process.env, GZIP: undefined, PIGZ: undefined };
    try {
      const child = spawn(path, args, { env, stdio: 'pipe', windowsHide: true });
      // Without a free file descriptor there is not even a pipe (Node's `child_process.js`: EMFILE, ENFILE).
      if ((child.stdout as Readable | undefined) !== undefined) return child;
      child.once('error', () => undefined);
      this.problem = 'could not be started: too many open files';
    } catch (error) {
      this.problem = `could not be started: ${(error as Error).message}`;
    }
    return undefined;
  }

  private async next(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    this.isAsked = true;
    try {
      const result = await chunks.next();
      return result.done ? undefined : result.value;
    } catch (error) {
      this.problem ??= (error as Error).message;
      return undefined;
    } finally {
      this.isAsked = false;
    }
  }

  /** Resolves when the process is over, whatever became of it. */
  private ended(child: Child): Promise<void> {
    return new Promise((resolve) => {
      child.once('error', ({ message }) => (this.problem ??= `could not be started: ${message}`));
      child.once('close', (code, signal) => {
        if (code !== 0) this.problem ??= `ended with ${code ?? signal}`;
        resolve();
      });
    });
  }

  /** Rejects with what the layer fails with, which ends the process too. */
  private feed(stdin: Writable, watchdog: NodeJS.Timeout): Promise<void> {
    const fed = this.write(stdin, watchdog);
    fed.catch(() => this.stop());
    return fed;
  }

  private async write(stdin: Writable, watchdog: NodeJS.Timeout): Promise<void> {
    this.isReading = true;
    const write = aheadWriter(stdin);
    for await (const chunk of this.source as AsyncIterable<Buffer>) {
      this.isReading = false;
      // It had nothing to do until now, however long that was.
      watchdog.refresh();
      this.check.addPlain(chunk);
      await write(chunk);
      if (stdin.destroyed) return;
      this.isReading = true;
    }
    this.isReading = false;
    watchdog.refresh();
    this.check.endPlain();
    stdin.end();
  }

  private bark(watchdog: NodeJS.Timeout): void {
    const isItsTurn = this.isAsked && !this.isReading;
    if (!isItsTurn) return void watchdog.refresh();
    this.problem = `gave nothing for ${this.patience / 1000} s`;
    this.stop();
  }

  private verify(): void {
    const problem = this.problem ?? this.check.problem();
    if (problem === undefined) return;
    const said = printable(this.stderr.trim().split('\n', 1)[0] ?? '', 200);
    throw new RegistryClientError(`${this.program.path} ${problem}${said === '' ? '' : `: ${said}`}`, {
      code: 'COMPRESSOR_FAILED',
      retryable: true,
      hint: "Repair it, or do without it: compressor: 'builtin', --compressor builtin.",
    });
  }
}
