import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import { askCredentialHelper } from './credential-helper.js';
import { type Credentials, type CredentialsProvider, normaliseCredentials } from './credentials.js';
import { rememberedCredentials } from './remembered-credentials.js';

interface DockerConfig {
  /** The file or the variable, for errors. */
  name: string;
  json: JsonObject;
}

const MAX_FILE_SIZE = 1024 * 1024;
const DOCKER_HUB = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/**
 * Credentials from where `docker login` keeps them: the JSON in `DOCKER_AUTH_CONFIG`, then `config.json` in `DOCKER_CONFIG`
 * or in `~/.docker`. In each: the helper of `credHelpers`, the entry of `auths`, the helper of `credsStore`. Everything is
 * read at the first call for a registry and kept until the registry refuses it. Source: docker/cli `docs/reference/commandline/login.md`.
 *
 * The provider throws InvalidArgumentError for a file that cannot be read or understood, naming it but quoting nothing of
 * it, and AuthenticationError for a helper that fails. No file at all means anonymous.
 * @param env - default `process.env`; helpers run in it
 * @param home - the user's folder where `env` names none
 */
export function dockerConfigCredentials(
  env: NodeJS.ProcessEnv = process.env,
  home: () => string = homedir,
): CredentialsProvider {
  return rememberedCredentials((registry) => findCredentials(registry, env, home));
}

async function findCredentials(
  registry: string,
  env: NodeJS.ProcessEnv,
  home: () => string,
): Promise<Credentials | undefined> {
  for (const load of [loadVariable, loadFile]) {
    const config = await load(env, home);
    const credentials = config && (await credentialsIn(config, registry, env));
    if (credentials) return credentials;
  }
  return undefined;
}

function loadVariable(env: NodeJS.ProcessEnv): DockerConfig | undefined {
  const text = env.DOCKER_AUTH_CONFIG;
  return text ? parseConfig('DOCKER_AUTH_CONFIG', text) : undefined;
}

async function loadFile(env: NodeJS.ProcessEnv, home: () => string): Promise<DockerConfig | undefined> {
  const folder = env.DOCKER_CONFIG || folderAtHome(env, home);
  if (folder === undefined) return undefined;
  const path = join(folder, 'config.json');
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_SIZE) throw invalid(path, 'is larger than 1 MiB');
    return parseConfig(path, await readFile(path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (error instanceof InvalidArgumentError) throw error;
    if (code === 'ENOENT') return undefined;
    throw invalid(path, `cannot be read (${code})`);
  }
}

/** Undefined for users without a home, as in containers that run under a number nobody has: Node throws for them. */
function folderAtHome(env: NodeJS.ProcessEnv, home: () => string): string | undefined {
  try {
    return join(env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME'] || home(), '.docker');
  } catch {
    return undefined;
  }
}

// Without the parser's message as a cause: it quotes what it could not read.
function parseConfig(name: string, text: string): DockerConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid(name, 'is not JSON');
  }
  if (!isJsonObject(json)) throw invalid(name, 'is not a JSON object');
  return { name, json };
}

async function credentialsIn(
  config: DockerConfig,
  registry: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const server = hostOf(registry) === hostOf(DOCKER_HUB) ? DOCKER_HUB : registry;
  const [helper] = entriesFor(config, 'credHelpers', registry);
  if (helper) return askCredentialHelper(helperName(config, 'credHelpers', helper[1]), server, { env });
  for (const [key, entry] of entriesFor(config, 'auths', registry)) {
    const credentials = readEntry(`${printable(key, 200)} in ${config.name}`, entry);
    if (credentials) return credentials;
  }
  const { credsStore } = config.json;
  if (credsStore === undefined || credsStore === '') return undefined;
  return askCredentialHelper(helperName(config, 'credsStore', credsStore), server, { env });
}

/** Entries whose key means this registry, the plainest key first: `host` before `https://host/v1/`. */
function entriesFor(config: DockerConfig, field: string, registry: string): [string, unknown][] {
  const entries = config.json[field] ?? {};
  if (!isJsonObject(entries)) throw invalid(config.name, `has ${field} that are not an object`);
  const host = hostOf(registry);
  return Object.entries(entries)
    .filter(([key]) => hostOf(key) === host)
    .sort(([a], [b]) => a.length - b.length);
}

/** `https://Host:443/v2/` → `host`; the three names of Docker Hub are one. */
function hostOf(key: string): string {
  const match = /^(?:(https?):\/\/)?([^/]*)/i.exec(key);
  const isPlain = match?.[1]?.toLowerCase() === 'http';
  const host = (match?.[2] ?? '').toLowerCase().replace(isPlain ? /:80$/ : /:443$/, '');
  return DOCKER_HUB_HOSTS.has(host) ? 'index.docker.io' : host;
}

function helperName(config: DockerConfig, field: string, name: unknown): string {
  if (typeof name === 'string') return name;
  throw invalid(config.name, `has a ${field} that is not a name`);
}

/** Undefined for an entry without credentials, as `docker login` leaves behind when a store keeps them. */
function readEntry(where: string, entry: unknown): Credentials | undefined {
  if (!isJsonObject(entry)) throw invalid(where, 'is not an object');
  const { identitytoken: identityToken, registrytoken: registryToken } = entry;
  const isGiven = (value: unknown): boolean => value !== undefined && value !== '';
  if (isGiven(registryToken)) return normaliseCredentials({ registryToken }, `the credentials of ${where}`);
  const user = userOf(where, entry);
  if (isGiven(identityToken)) return normaliseCredentials({ ...user, identityToken }, `the credentials of ${where}`);
  if (!user) return undefined;
  const { username, password } = user;
  const credentials = username === '<token>' ? { identityToken: password } : { username, password };
  return normaliseCredentials(credentials, `the credentials of ${where}`);
}

function userOf(where: string, entry: JsonObject): { username: unknown; password: unknown } | undefined {
  if (entry.auth !== undefined && entry.auth !== '') return decodeAuth(where, entry.auth);
  const { username, password = '' } = entry;
  return username === undefined || username === '' ? undefined : { username, password };
}

/** Base64 of `user:password`; the password may hold colons, and Docker strips NULs from its end. */
function decodeAuth(where: string, auth: unknown): { username: string; password: string } | undefined {
  const isBase64 = typeof auth === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(auth);
  const pair = isBase64 ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const colon = pair.indexOf(':');
  if (colon < 0) throw invalid(where, 'has an auth that is not the base64 of user:password');
  const username = pair.slice(0, colon);
  return username === '' ? undefined : { username, password: pair.slice(colon + 1).replace(/\0+$/, '') };
}

function invalid(what: string, problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`${what} ${problem}`, {
    code: 'DOCKER_CONFIG_INVALID',
    hint: 'Run docker login again, or correct it by hand.',
  });
}
