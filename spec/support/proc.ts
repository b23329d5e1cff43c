import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface RunOptions {
  /** What the program reads from its standard input; without it, nothing. */
  input?: Buffer | string | Readable;
  /** Added to, or with undefined taken from, our own environment. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** After so many milliseconds it is killed. Default 60 000. */
  timeoutMs?: number;
}

export interface RunResult {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The most memory it ever held, in bytes; 0 unless `runNode` started it. */
  peakRss: number;
}

/** A program that runs, for specs that send signals or look at it while it works. */
export interface Running {
  child: ChildProcess;
  result: Promise<RunResult>;
}

/** Runs a program, without a shell, to its end. Rejects only when it cannot be started. */
export function run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
  return start(command, args, options).result;
}

/** Runs a script with the Node that runs the specs, and measures its memory. */
export function runNode(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
  return startNode(script, args, options).result;
}

export function startNode(script: string, args: readonly string[] = [], options: RunOptions = {}): Running {
  return start(process.execPath, ['--import', MEASURE, script, ...args], options);
}

export function start(command: string, args: readonly string[] = [], options: RunOptions = {}): Running {
  const { cwd, timeoutMs = 60_000 } = options;
  const env = { ...process.env, ...options.env };
  const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  const late = setTimeout(() => child.kill(), timeoutMs);
  return { child, result: resultOf(child, options.input ?? '').finally(() => clearTimeout(late)) };
}

/** The full path of a program, when it is on the PATH. */
export function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Writes the peak to descriptor 3 when the script ends. On Linux `maxRSS` can be that of the process which started it (the
 * kernel keeps the mark of the memory that exec left behind), so what the kernel says of the memory itself goes first.
 */
const MEASURE = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync, writeSync } from 'node:fs';
  const ofMemory = () => {
    try {
      return Number(/VmHWM:\\s*(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    } catch {
      return process.resourceUsage().maxRSS;
    }
  };
  process.on('exit', () => writeSync(3, String(ofMemory() * 1024)));
`)}`;

async function resultOf(child: ChildProcess, input: Buffer | string | Readable): Promise<RunResult> {
  const [stdout, stderr, peak] = [1, 2, 3].map((fd) => buffer(child.stdio[fd] as Readable));
  const ended = new Promise<Pick<RunResult, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // A program may end without reading all it was given.
  void pipeline(typeof input === 'string' || Buffer.isBuffer(input) ? [input] : input, child.stdin!).catch(() => {});
  const [end, ...texts] = await Promise.all([ended, stdout, stderr, peak]);
  const [out, err, rss] = texts.map(String);
  return { ...end, stdout: out ?? '', stderr: err ?? '', peakRss: Number(rss) };
}
