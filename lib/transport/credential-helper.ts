import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AuthenticationError, InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import {
  type BasicCredentials,
  concealSecrets,
  type Credentials,
  type IdentityTokenCredentials,
  normaliseCredentials,
} from './credentials.js';

export interface HelperOptions {
  /** Its `PATH` is where the program is looked for. */
  env: NodeJS.ProcessEnv;
  /** Milliseconds until the program is killed. Default 30 000. */
  timeout?: number;
}

/** One question to a helper. */
interface Question {
  program: string;
  action: 'get' | 'store' | 'erase';
  /** What it is about, for errors. */
  server: string;
  /** What it reads on its standard input. */
  input: string;
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
  const question = questionTo(name, 'get', server);
  const outcome = await run(question, options);
  if (outcome.ending === 0) return readAnswer(question.program, outcome.stdout);
  if (isNotFound(outcome)) return undefined;
  throw ended(question, outcome);
}

/**
 * Gives credentials to `docker-credential-<name> store`, in place of those it may have for the registry.
 * @param server - as for `askCredentialHelper`
 * @throws as `askCredentialHelper`
 */
export async function storeInHelper(
  name: string,
  server: string,
  credentials: BasicCredentials | IdentityTokenCredentials,
  options: HelperOptions,
): Promise<void> {
  const isToken = 'identityToken' in credentials;
  const [Username, Secret] = isToken
    ? ['<token>', credentials.identityToken]
    : [credentials.username, credentials.password];
  const input = JSON.stringify({ ServerURL: server, Username, Secret });
  const question = { ...questionTo(name, 'store', server), input };
  const { ending, stdout, stderr } = await run(question, options);
  if (ending === 0) return;
  // Helpers say what went wrong on either; some of them repeat what they were given.
  throw ended(question, { ending, stdout, stderr: concealSecrets(stderr.trim() || stdout, credentials) });
}

/**
 * Has `docker-credential-<name> erase` forget a registry.
 * @param server - as for `askCredentialHelper`
 * @returns whether it had anything to forget, as far as it says
 * @throws as `askCredentialHelper`
 */
export async function eraseInHelper(name: string, server: string, options: HelperOptions): Promise<boolean> {
  const question = questionTo(name, 'erase', server);
  const outcome = await run(question, options);
  if (outcome.ending !== 0 && !isNotFound(outcome)) throw ended(question, outcome);
  return outcome.ending === 0;
}

function questionTo(name: string, action: Question['action'], server: string): Question {
  const program = programOf(name);
  // eslint-disable-next-line no-control-regex
  if (!/[\u0000-\u001f\u007f]/.test(server)) return { program, action, server, input: server };
  throw new InvalidArgumentError(`"${printable(server, 200)}" cannot be given to ${program}: it is not one line`);
}

function programOf(name: string): string {
  if (/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(name)) return `docker-credential-${name}`;
  throw new InvalidArgumentError(`"${printable(name, 200)}" is not the name of a credential helper`, {
    hint: "Check credHelpers and credsStore in Docker's config.json: docker-credential-pass is written as pass.",
  });
}

function isNotFound({ stdout, stderr }: Outcome): boolean {
  return /credentials not found/i.test(stdout + stderr);
}

function ended(question: Question, { ending, stderr }: Outcome): AuthenticationError {
  const said = printable(stderr.trim().split('\n', 1)[0] ?? '', 200);
  return failed(question, `ended with ${ending}${said === '' ? '' : `: ${said}`}`);
}

function run(question: Question, { env, timeout = 30_000 }: HelperOptions): Promise<Outcome> {
  const { program, action, input } = question;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], { env, stdio: 'pipe', windowsHide: true });
    const stop = (problem: string, hint?: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A process the helper started may hold the pipes open after it.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(failed(question, problem, hint));
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
    child.stdin.end(input);
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

const ASKED = { get: 'asked for', store: 'asked to store', erase: 'asked to erase' } as const;

function failed({ program, action, server }: Question, problem: string, hint?: string): AuthenticationError {
  const tryIt = `Run "echo ${server} | ${program} get" to see what is wrong.`;
  return new AuthenticationError(`${program}, ${ASKED[action]} the credentials of ${server}, ${problem}`, {
    code: 'CREDENTIAL_HELPER_FAILED',
    hint: hint ?? (action === 'get' ? tryIt : `Run "${program} list" to see whether it works at all.`),
  });
}
