import { homedir } from 'node:os';
import { InvalidArgumentError } from '../errors.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { eraseInHelper, storeInHelper } from './credential-helper.js';
import { type BasicCredentials, type IdentityTokenCredentials, normaliseCredentials } from './credentials.js';
import { changeDockerConfig } from './docker-config-change.js';
import {
  type DockerConfig,
  dockerConfigPath,
  entriesFor,
  helperFor,
  objectIn,
  parseDockerConfig,
  readDockerConfig,
  storeOf,
} from './docker-config-file.js';
import { isWhole, serverOf } from './docker-config-keys.js';

/** Where `config.json` is looked for. */
export interface DockerConfigOptions {
  /** `DOCKER_CONFIG` names the folder; helpers run in it. Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** The user's folder where `env` names none. Default `os.homedir`. */
  home?: () => string;
}

/** Where credentials are kept now. */
export interface CredentialsPlace {
  /** The program, `docker-credential-pass` for example; absent when they stand in the file, as plain as base64 is. */
  helper?: string;
  /** Path of `config.json`. */
  file: string;
}

/**
 * Keeps credentials as `docker login` does, without asking the registry whether they are right: in the helper of
 * `credHelpers`, or of `credsStore`, or else in `auths` of `config.json`. They take the place of all that was kept for this
 * registry there; everything else in the file stays as it is. Docker, skopeo and podman read them.
 * @param registry - `host[:port]`; all names of Docker Hub are one
 * @returns where they are kept
 * @throws InvalidArgumentError for credentials that cannot be sent, and for a `config.json` that cannot be read, understood or written: it is left as it was
 * @throws AuthenticationError for a helper that fails
 */
export async function saveDockerCredentials(
  registry: string,
  credentials: BasicCredentials | IdentityTokenCredentials,
  options: DockerConfigOptions = {},
): Promise<CredentialsPlace> {
  const checked = normaliseCredentials(credentials, 'the credentials') as typeof credentials;
  const { env = process.env } = options;
  const file = pathOf(options);
  const helper = keeperOf(await load(file), registry);
  if (helper) await storeInHelper(helper, serverOf(registry), checked, { env });
  // Docker leaves an empty entry for what a helper keeps: it lists registries by these.
  await changeDockerConfig(file, (config) => withEntry(config, registry, helper ? {} : entryFrom(checked)));
  return helper ? { helper: `docker-credential-${helper}`, file } : { file };
}

/**
 * Forgets the credentials of a registry as `docker logout` does, in the helpers and in `auths` of `config.json`.
 * @param registry - `host[:port]`; all names of Docker Hub are one
 * @returns where there were any; empty when nothing was kept
 * @throws InvalidArgumentError for a `config.json` that cannot be read, understood or written: it is left as it was
 * @throws AuthenticationError for a helper that fails
 */
export async function eraseDockerCredentials(
  registry: string,
  options: DockerConfigOptions = {},
): Promise<CredentialsPlace[]> {
  const { env = process.env } = options;
  const file = pathOf(options);
  const config = await load(file);
  const helper = keeperOf(config, registry);
  const isInFile = ownKeys(config, registry).length > 0;
  const isErased = helper ? await eraseInHelper(helper, serverOf(registry), { env }) : false;
  const hadSecret = ownKeys(config, registry).some((key) => !isEmpty(objectIn(config, 'auths')[key]));
  if (isInFile) await changeDockerConfig(file, (now) => withoutEntries(now, registry));
  return [...(isErased ? [{ helper: `docker-credential-${helper}`, file }] : []), ...(hadSecret ? [{ file }] : [])];
}

function pathOf({ env = process.env, home = homedir }: DockerConfigOptions): string {
  const path = dockerConfigPath(env, home);
  if (path !== undefined) return path;
  throw new InvalidArgumentError('there is no home folder to keep credentials in', {
    code: 'DOCKER_CONFIG_INVALID',
    hint: 'Set DOCKER_CONFIG to a folder.',
  });
}

async function load(file: string): Promise<DockerConfig> {
  const text = (await readDockerConfig(file)) ?? '';
  return text.trim() === '' ? { name: file, json: {} } : parseDockerConfig(file, text);
}

/** The name of the helper; a registry whose helper has an empty one is kept in the file. Source: docker/cli `configfile/file.go`. */
function keeperOf(config: DockerConfig, registry: string): string | undefined {
  return (helperFor(config, registry) ?? storeOf(config)) || undefined;
}

function entryFrom(credentials: BasicCredentials | IdentityTokenCredentials): JsonObject {
  if ('identityToken' in credentials) return { identitytoken: credentials.identityToken };
  const { username, password } = credentials;
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') };
}

const SECRETS = new Set(['auth', 'username', 'password', 'identitytoken', 'registrytoken']);

/** One entry for the registry, where its first one stood, and with what that said beside credentials. */
function withEntry(config: DockerConfig, registry: string, entry: JsonObject): JsonObject {
  const auths = objectIn(config, 'auths');
  const server = serverOf(registry);
  const own = ownKeys(config, registry);
  const [place = server] = own;
  const kept = [...own].reverse().flatMap((key) => Object.entries(isJsonObject(auths[key]) ? auths[key] : {}));
  const others = kept.filter(([name]) => !SECRETS.has(name));
  const complete = Object.fromEntries([...others, ...Object.entries(entry)]);
  const entries = Object.entries(auths).filter(([key]) => key === place || !own.includes(key));
  const changed = entries.map(([key, value]) => (key === place ? [server, complete] : [key, value]));
  return withAuths(config, own.length > 0 ? changed : [...changed, [server, complete]]);
}

function withoutEntries(config: DockerConfig, registry: string): JsonObject | undefined {
  const own = ownKeys(config, registry);
  if (own.length === 0) return undefined;
  return withAuths(
    config,
    Object.entries(objectIn(config, 'auths')).filter(([key]) => !own.includes(key)),
  );
}

/** The keys of `auths` that mean this registry and no part of it, in their order in the file. */
function ownKeys(config: DockerConfig, registry: string): string[] {
  const own = new Set(entriesFor(config, 'auths', registry).map(([key]) => key));
  return Object.keys(objectIn(config, 'auths')).filter((key) => own.has(key) && isWhole(key));
}

// By entries and not by assignment, which would take the key __proto__ for something else.
function withAuths({ json }: DockerConfig, auths: readonly (readonly unknown[])[]): JsonObject {
  const changed = Object.fromEntries(auths as [string, unknown][]);
  return { ...json, ['auths']: changed };
}

function isEmpty(entry: unknown): boolean {
  return isJsonObject(entry) && ![...SECRETS].some((name) => entry[name] !== undefined && entry[name] !== '');
}
