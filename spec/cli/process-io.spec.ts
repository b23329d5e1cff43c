import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { processIo, type ProcessLike } from '../../lib/cli/process-io.js';

class Outlet extends Writable {
  written = '';

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(content: string | Buffer, _: string, done: () => void): void {
    this.written += content.toString();
    done();
  }

  break(code: string): void {
    this.emit('error', Object.assign(new Error(`write ${code}`), { code }));
  }
}

class FakeProcess extends EventEmitter implements ProcessLike {
  env = { REGISTRY_URL: 'http://registry.test' };
  exitCode: number | undefined = undefined;
  readonly stdinAsked = jest.fn();
  stdout = new Outlet();
  stderr = new Outlet();
  exit = jest.fn<(code?: number | string | null) => void>();
  private readonly input = Readable.from(['input']);

  get stdin(): Readable {
    this.stdinAsked();
    return this.input;
  }
}

describe('processIo', () => {
  let process: FakeProcess;
  let made: ReturnType<typeof processIo>;
  beforeEach(() => {
    process = new FakeProcess();
    made = processIo(process);
  });

  it('writes results and everything else apart, and shows the environment', () => {
    const { stdout, stderr, env } = made.io;
    stdout('result');
    stderr('progress');
    expect([process.stdout.written, process.stderr.written]).toEqual(['result', 'progress']);
    expect(env).toBe(process.env);
  });

  it('touches standard input only when somebody asks for it', () => {
    expect(process.stdinAsked).not.toHaveBeenCalled();
    expect(made.io.stdin).toBe(process.stdin);
  });

  it('gives the stream of results for what must wait for its reader', () => {
    expect(made.io.stdoutStream).toBe(process.stdout);
  });

  describe.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('on %s', (signal, code) => {
    it('ends the work in order, and gives it its exit code', () => {
      expect(made.io.signal.aborted).toBe(false);
      process.emit(signal);
      expect(made.io.signal.aborted).toBe(true);
      expect(process.exit).not.toHaveBeenCalled();
      expect(made.exitCode(130)).toBe(code);
    });

    it('ends at once the second time', () => {
      process.emit('SIGINT');
      process.emit(signal);
      expect(process.exit.mock.calls).toEqual([[code]]);
    });

    it('ends by itself when the work does not', () => {
      jest.useFakeTimers();
      try {
        process.emit(signal);
        jest.advanceTimersByTime(2799);
        expect(process.exit).not.toHaveBeenCalled();
        jest.advanceTimersByTime(1);
        expect(process.exit.mock.calls).toEqual([[code]]);
      } finally {
        jest.useRealTimers();
      }
    });

    it('keeps the exit code of work that ended by itself', () => {
      process.emit(signal);
      expect([0, 1, 2, 3, 4].map(made.exitCode)).toEqual([0, 1, 2, 3, 4]);
    });
  });

  it('says 130 of work that was interrupted by nobody we know', () => {
    expect(made.exitCode(130)).toBe(130);
  });

  describe('when a pipe breaks', () => {
    it('ends well where nobody reads the results any more', () => {
      process.stdout.break('EPIPE');
      expect(process.exit.mock.calls).toEqual([[0]]);
    });

    it('ends as if by SIGPIPE where the results are of no use without the rest', () => {
      made.io.requireReader();
      expect(process.exit).not.toHaveBeenCalled();
      process.stdout.break('EPIPE');
      expect(process.exit.mock.calls).toEqual([[141]]);
      expect(process.stderr.written).toBe('');
    });

    it.each([
      ['are needed to the end', true],
      ['are not', false],
    ])('ends as it would have, where that is decided, whether the results %s', (_, required) => {
      if (required) made.io.requireReader();
      process.exitCode = 3;
      process.stdout.break('EPIPE');
      expect(process.exit.mock.calls).toEqual([[3]]);
    });

    it('goes on where nobody reads the progress any more', () => {
      process.stderr.break('EPIPE');
      expect(process.exit).not.toHaveBeenCalled();
    });

    it('does not hide another error of the progress', () => {
      expect(() => process.stderr.break('ENOSPC')).toThrow('write ENOSPC');
    });
  });

  it('says when the results cannot be written, and ends', () => {
    process.stdout.break('ENOSPC');
    expect(process.stderr.written).toBe('error: standard output cannot be written: write ENOSPC\n');
    expect(process.exit.mock.calls).toEqual([[1]]);
  });
});
