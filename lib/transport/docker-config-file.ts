import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from '../errors.js';
import { atHome } from '../home.js';
import { isJsonObject, type JsonObject } from '../oci/descriptor.js';
import { hostOf } from './docker-config-keys.js';

export interface DockerConfig {
  /** The file or the variable, for errors. */
  name: string;
  json: JsonObject;
}

const MAX_FILE_SIZE = 1024 * 1024;

/** `config.json` in `DOCKER_CONFIG` or in `~/.docker`. Undefined for users without a home. */
export function dockerConfigPath(env: NodeJS.ProcessEnv, home: () => string = homedir): string | undefined {
  const named = env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME'];
  const folder = env.DOCKER_CONFIG || atHome('.docker', home, named);
  return folder === undefined ? undefined : join(folder, 'config.json');
}

/** The text of the file; undefined when there is none. @throws InvalidArgumentError when it cannot be read */
export async function readDockerConfig(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_SIZE) throw invalid(path, 'is larger than 1 MiB');
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (error instanceof InvalidArgumentError) throw error;
    if (code === 'ENOENT') return undefined;
    throw new InvalidArgumentError(`${path} cannot be read (${code})`, {
      code: 'DOCKER_CONFIG_INVALID',
      hint: 'Check what is there and who may read it, or name another folder with DOCKER_CONFIG.',
    });
  }
}

/** Without the parser's message as a cause: it quotes what it could not read. */
export function parseDockerConfig(name: string, text: string): DockerConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid(name, 'is not JSON');
  }
  if (!isJsonObject(json)) throw invalid(name, 'is not a JSON object');
  return { name, json };
}

/** The object in a field, empty where there is none. */
export function objectIn(config: DockerConfig, field: string): JsonObject {
  const entries = config.json[field] ?? {};
  if (!isJsonObject(entries)) throw invalid(config.name, `has ${field} that are not an object`);
  return entries;
}

/** Entries whose key means this registry, the plainest key first: `host` before `https://host/v1/`. */
export function entriesFor(config: DockerConfig, field: string, registry: string): [string, unknown][] {
  const host = hostOf(registry);
  return Object.entries(objectIn(config, field))
    .filter(([key]) => hostOf(key) === host)
    .sort(([a], [b]) => a.length - b.length);
}

/** What keeps the credentials of this registry alone. */
export function helperFor(config: DockerConfig, registry: string): string | undefined {
  const [helper] = entriesFor(config, 'credHelpers', registry);
  return helper && helperName(config, 'credHelpers', helper[1]);
}

/** What keeps the credentials of all registries that have no helper of their own. */
export function storeOf(config: DockerConfig): string | undefined {
  const { credsStore } = config.json;
  return credsStore === undefined || credsStore === '' ? undefined : helperName(config, 'credsStore', credsStore);
}

function helperName(config: DockerConfig, field: string, name: unknown): string {
  if (typeof name === 'string') return name;
  throw invalid(config.name, `has a ${field} that is not a name`);
}

export function invalid(what: string, problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`${what} ${problem}`, {
    code: 'DOCKER_CONFIG_INVALID',
    hint: 'Correct it by hand, or move it away and log in again.',
  });
}
