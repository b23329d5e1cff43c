// Runs a program to its end and tells how long it took, the CPU time of it and of what it started, and the most memory that
// any one of these processes held: what wait4(2) counts, by way of time(1).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TIME = '/usr/bin/time';

/**
 * @param command the program and its arguments
 * @param options.stdin a file that arrives through a pipe
 */
export async function measure(command, { env = {}, stdin } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-time-'));
  const report = join(folder, 'report');
  try {
    const timed = [TIME, ...(isLinux() ? ['-f', '%U %S %M'] : ['-l']), '-o', report, ...command];
    const ended = await run(stdin ? piped(stdin, timed) : timed, env);
    return { ...ended, ...parse(await readFile(report, 'utf8')) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A pipe of the shell: Node would make it a socket. */
function piped(file, command) {
  return ['sh', '-c', 'file=$1; shift; cat "$file" | "$@"', 'sh', file, ...command];
}

async function run([program, ...args], env) {
  const start = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const [stdout, stderr] = [child.stdout, child.stderr].map(text);
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${await stderr}`);
  return { seconds, stdout: await stdout };
}

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parse(report) {
  if (isLinux()) {
    const [user, system, kibibytes] = report.trim().split('\n').at(-1).split(' ').map(Number);
    return { cpu: user + system, rss: kibibytes * 1024 };
  }
  const [, user, system] = /([\d.]+) user\s+([\d.]+) sys/.exec(report);
  return { cpu: Number(user) + Number(system), rss: Number(/(\d+)\s+maximum resident/.exec(report)[1]) };
}

function isLinux() {
  return process.platform === 'linux';
}
