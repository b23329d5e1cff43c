import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering } from './port.mjs';

const START_MS = 20_000;
const STOP_MS = 5_000;

/** Starts a program with a configuration of its own in a temporary folder. Gives a text when it does not run: why. */
export async function startProgram(command, argsOf, { port, configure }) {
  const folder = await mkdtemp(join(tmpdir(), 'registry-'));
  const file = join(folder, 'config.json');
  if (configure) await writeFile(file, JSON.stringify(await configure(folder)));
  const program = run(command, argsOf(file));
  const stop = async () => {
    await program.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const waiting = new AbortController();
  const failure = await Promise.race([program.ended, firstAnswer(port, waiting.signal)]);
  waiting.abort();
  if (failure === undefined) return { by: command, ended: program.ended, stop };
  await stop();
  return failure;
}

function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment() });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-2000)));
  const ended = new Promise((resolve) => {
    child.once('error', ({ code, message }) => resolve(code === 'ENOENT' ? 'not found' : message));
    child.once('close', (code, signal) => resolve(said.trim() || `ended with ${signal ?? `exit code ${code}`}`));
  });
  const stop = async () => {
    child.kill();
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  };
  return { ended, stop };
}

/** `REGISTRY_…` would override the configuration: `REGISTRY_URL` is ours, not the registry's. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REGISTRY_')));
}

async function firstAnswer(port, given) {
  const signal = AbortSignal.any([given, AbortSignal.timeout(START_MS)]);
  return answering(port, signal).then(
    () => undefined,
    () => `no answer within ${START_MS} ms`,
  );
}
