import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InvalidArgumentError } from '../errors.js';
import { atHome } from '../home.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import { readUpTo } from '../transport/small-file.js';
import { isPem } from '../transport/tls-material.js';
import { checkFields } from './checks.js';
import type { HostOptions, HostsOptions } from './host-options.js';
import { Hosts } from './hosts.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a configuration file holds: options of a client, to be spread among its others. */
export interface ClientConfigFile {
  /** Settings for hosts, with absolute paths; absent where the file has none, or there is no file. */
  hosts?: HostsOptions;
}

/** Where a configuration is read from. */
export interface LoadConfigOptions {
  /** The file, which must be there. Default: the one of the environment. */
  path?: string;
  /** Default `process.env`. */
  env?: Environment;
}

/** Bytes. */
const MAX_FILE = 1024 * 1024;

const FOLDER = 'registry-api-v2-client';

/**
 * Reads settings for hosts from a JSON file: `path`, else `$REGISTRY_CLIENT_CONFIG`, which must be there, else
 * `$XDG_CONFIG_HOME/registry-api-v2-client/config.json` (`~/.config/…`), which may be missing. Paths in it start at its folder.
 * The client itself reads no such file: `new RegistryClient({ url, ...loadConfig() })`. The command line does.
 * @throws InvalidArgumentError with code `CONFIG_INVALID`, naming the file and the field that is unknown or wrong
 */
export function loadConfig({ path, env = process.env }: LoadConfigOptions = {}): ClientConfigFile {
  const named = path ?? (env.REGISTRY_CLIENT_CONFIG || undefined);
  const file = named ?? usualPath(env);
  const text = file === undefined ? undefined : readText(file, named === undefined);
  return file === undefined || text === undefined ? {} : parse(text, file);
}

function usualPath({ XDG_CONFIG_HOME, HOME }: Environment): string | undefined {
  const folder = XDG_CONFIG_HOME || atHome('.config', homedir, HOME);
  return folder && join(folder, FOLDER, 'config.json');
}

function readText(file: string, mayMiss: boolean): string | undefined {
  try {
    const bytes = readUpTo(file, MAX_FILE);
    if (bytes) return bytes.toString('utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (mayMiss && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw invalid(file, `cannot be read: ${code}`);
  }
  throw invalid(file, 'is larger than 1 MiB');
}

function parse(text: string, file: string): ClientConfigFile {
  const json = parseJson(text, file);
  try {
    checkFields('', json, { $schema: () => undefined, hosts: (_, hosts) => new Hosts(hosts as HostsOptions) });
  } catch (error) {
    throw error instanceof InvalidArgumentError ? invalid(file, `is wrong: ${error.message}`) : error;
  }
  const { hosts } = json as ClientConfigFile;
  if (hosts === undefined) return {};
  const folder = dirname(resolve(file));
  const rooted = Object.entries(hosts).map(([host, entry]) => [host, withPaths(entry, folder)] as const);
  return { hosts: Object.fromEntries(rooted) };
}

// Without the parser's message: it quotes what it could not read, which may be a password.
function parseJson(text: string, file: string): unknown {
  try {
    const json: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (isJsonObject(json)) return json;
  } catch (error) {
    const [position] = /position \d+(?: \(line \d+ column \d+\))?/.exec(String(error)) ?? [];
    throw invalid(file, `is not JSON${position ? `, at ${position}` : ''}`);
  }
  throw invalid(file, 'is not a JSON object');
}

function withPaths(entry: HostOptions, folder: string): HostOptions {
  if (entry.tls === undefined) return entry;
  const at = (source: unknown): unknown => {
    if (Array.isArray(source)) return source.map(at);
    return typeof source === 'string' && !isPem(source) ? resolve(folder, source) : source;
  };
  const { passphrase, ...sources } = entry.tls;
  const tls = Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, at(source)]));
  return { ...entry, tls: { ...tls, ...(passphrase === undefined ? {} : { passphrase }) } };
}

function invalid(file: string, problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`the configuration ${printable(file, 300)} ${problem}`, { code: 'CONFIG_INVALID' });
}
