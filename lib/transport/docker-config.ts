import { homedir } from 'node:os';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import { askCredentialHelper } from './credential-helper.js';
import { type Credentials, type CredentialsProvider, normaliseCredentials } from './credentials.js';
import {
  type DockerConfig,
  dockerConfigPath,
  entriesFor,
  helperFor,
  invalid,
  parseDockerConfig,
  readDockerConfig,
  storeOf,
} from './docker-config-file.js';
import { serverOf } from './docker-config-keys.js';
import { rememberedCredentials } from './remembered-credentials.js';

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
  return text ? parseDockerConfig('DOCKER_AUTH_CONFIG', text) : undefined;
}

async function loadFile(env: NodeJS.ProcessEnv, home: () => string): Promise<DockerConfig | undefined> {
  const path = dockerConfigPath(env, home);
  const text = path === undefined ? undefined : await readDockerConfig(path);
  return path === undefined || text === undefined ? undefined : parseDockerConfig(path, text);
}

async function credentialsIn(
  config: DockerConfig,
  registry: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const server = serverOf(registry);
  const helper = helperFor(config, registry);
  // One without a name says that this registry is in the file, whatever credsStore says.
  if (helper) return askCredentialHelper(helper, server, { env });
  for (const [key, entry] of entriesFor(config, 'auths', registry)) {
    const credentials = readEntry(`${printable(key, 200)} in ${config.name}`, entry);
    if (credentials) return credentials;
  }
  const store = helper === undefined ? storeOf(config) : undefined;
  return store === undefined ? undefined : askCredentialHelper(store, server, { env });
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
