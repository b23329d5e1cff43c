import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AuthenticationError, InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import { type Credentials, normaliseCredentials } from './credentials.js';

export interface HelperOptions {
  /** Its `PATH` is where the program is looked for. */
  env: NodeJS.ProcessEnv;
  /** Milliseconds until the program is killed. Default 30 000. */
  timeout?: number;
}

interface Outcome {
  /** The code or the signal it ended with. */
  ending: number | string | null;
  stdout: string;
  stderr: string;
}

const MAX_STDOUT = 64 * 1024;
const MAX_STDERR = 4 * 1024;

/**
 * Runs `docker-credential-<name> get` for a registry, without a shell. Source: docker-credential-helpers README,
 * "Development"; a user named `<token>` means that the secret is an identity token.
 * @param server - what Docker knows the registry by, for example `ghcr.io` or `https://index.docker.io/v1/`
 * @returns undefined when the helper has no credentials for it
 * @throws InvalidArgumentError for a name or server that could make another program run or another question be asked
 * @throws AuthenticationError when the helper is missing, fails, hangs, floods, or answers nonsense
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const program = programOf(name);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(server)) {
    throw new InvalidArgumentError(`"${printable(server, 200)}" cannot be given to ${program}: it is not one line`);
  }
  const { ending, stdout, stderr } = await run(program, server, options);
  if (ending === 0) return readAnswer(program, stdout);
  if (/credentials not found/i.test(stdout + stderr)) return undefined;
  const said = printable(stderr.trim().split('\n', 1)[0] ?? '', 200);
  throw failed(program, server, `ended with ${ending}${said === '' ? '' : `: ${said}`}`);
}

function programOf(name: string): string {
  if (/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(name)) return `docker-credential-${name}`;
  throw new InvalidArgumentError(`"${printable(name, 200)}" is not the name of a credential helper`, {
    hint: "Check credHelpers and credsStore in Docker's config.json: docker-credential-pass is written as pass.",
  });
}

function run(program: string, server: string, { env, timeout = 30_000 }: HelperOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { env, stdio: 'pipe', windowsHide: true });
    const stop = (problem: string, hint?: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A process the helper started may hold the pipes open after it.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(failed(program, server, problem, hint));
    };
    const timer = setTimeout(() => stop(`gave no answer within ${timeout / 1000} s`), timeout);
    const stdout = collect(child.stdout, MAX_STDOUT, () => stop('wrote more than 64 KiB'));
    const stderr = collect(child.stderr, MAX_STDERR, () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') stop('is not on the PATH', `Install ${program}, or remove it from config.json.`);
      else stop(`could not be run (${error.code ?? error.name})`);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ ending: code ?? signal, stdout: stdout(), stderr: stderr() });
    });
    // A helper may answer without having read the question.
    child.stdin.on('error', () => undefined);
    child.stdin.end(server);
  });
}

/** Keeps the first `limit` bytes and tells when there are more. */
function collect(stream: Readable, limit: number, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size <= limit) chunks.push(chunk);
    size += chunk.length;
    if (size > limit) overflow();
  });
  return () => Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}

// Neither the output nor the parser's message, which quotes it, goes into an error: it holds the secret.
function readAnswer(program: string, stdout: string): Credentials | undefined {
  const answer = parseJson(stdout);
  if (!isJsonObject(answer)) throw nonsense(program, 'that is not a JSON object');
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw nonsense(program, 'without Username and Secret');
  if (username === '' && secret === '') return undefined;
  const credentials = username === '<token>' ? { identityToken: secret } : { username, password: secret };
  return normaliseCredentials(credentials, `the credentials from ${program}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nonsense(program: string, what: string): AuthenticationError {
  return new AuthenticationError(`${program} gave an answer ${what}`, { code: 'CREDENTIAL_HELPER_FAILED' });
}

function failed(program: string, server: string, problem: string, hint?: string): AuthenticationError {
  return new AuthenticationError(`${program}, asked for the credentials of ${server}, ${problem}`, {
    code: 'CREDENTIAL_HELPER_FAILED',
    hint: hint ?? `Run "echo ${server} | ${program} get" to see what is wrong.`,
  });
}
