import {
  formatReference,
  InvalidArgumentError,
  loadConfig,
  parseReference,
  parseRepositoryTag,
  type Reference,
  RegistryClient,
  type RegistryClientOptions,
} from '../index.js';
import type { Io } from './io.js';
import type { ConnectionFlags } from './flags.js';

/** What a name names, without its host. */
export interface Name {
  repository: string;
  tag?: string | undefined;
  digest?: string | undefined;
}

/** A registry to speak to, and a name in it, as it was given. */
export interface Target extends Name {
  client: RegistryClient;
  /** `repository[:tag][@digest]`. */
  name: string;
  /** The digest where there is one, else the tag, else `latest`. */
  reference: string;
}

export interface TargetOptions {
  /** Whether `@digest` may follow. Default `false`. */
  digests?: boolean;
  /** Whether a tag or a digest must be there, because `latest` is nothing to guess. Default `false`. */
  exact?: boolean;
}

export const SCHEME = /^https?:\/\//i;

/** What is spoken to when nothing says otherwise; also when this process, unlike the command, has another `REGISTRY_URL`. */
const DEFAULT_REGISTRY = 'http://localhost:15000';

/**
 * Takes `[http://|https://]host[:port]/repository[:tag]` or `repository[:tag]` apart.
 * @throws InvalidArgumentError when it is neither, or names a host although --registry does
 */
export function targetOf(reference: string, flags: ConnectionFlags, io: Io, options: TargetOptions = {}): Target {
  const { address, ...name } = split(reference);
  const { repository, tag, digest } = name;
  if (digest !== undefined && !options.digests) {
    throw new InvalidArgumentError(`${shown(reference)} names a digest where a tag is wanted`);
  }
  if (options.exact && tag === undefined && digest === undefined) {
    throw new InvalidArgumentError(`${shown(reference)} has no tag`, { hint: 'Say which one is meant.' });
  }
  const client = connect(address, flags, io);
  return { client, name: formatReference(name), repository, tag, digest, reference: digest ?? tag ?? 'latest' };
}

/** A name with the host of its registry. */
export function fullName({ registry }: RegistryClient, { repository, tag, digest }: Name): string {
  const parts = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  return formatReference({ registry, repository, ...parts });
}

/** @throws InvalidArgumentError when it is no tag */
export function assertTag(text: string): void {
  parseRepositoryTag(`localhost/any:${text}`);
}

/**
 * A client for a registry given by address, by --registry, by REGISTRY_URL, or not at all.
 * @param options - further ones, for which there are no flags
 * @throws InvalidArgumentError when it is given twice, or is no address
 */
export function connect(
  address: string | undefined,
  flags: ConnectionFlags,
  io: Io,
  options: RegistryClientOptions = {},
): RegistryClient {
  const { insecure, config } = flags;
  return new RegistryClient({
    url: addressOf(address, flags, io),
    ...(insecure ? { insecure } : {}),
    ...loadConfig({ ...(config === undefined ? {} : { path: config }), env: io.env }),
    ...securityOf(flags),
    ...optionsOf(flags),
    ...options,
  });
}

function addressOf(address: string | undefined, { registry, plainHttp }: ConnectionFlags, io: Io): string {
  if (address !== undefined && registry !== undefined) {
    throw new InvalidArgumentError(`${shown(address)} names a registry, and so does --registry`, {
      hint: 'Give only one of them.',
    });
  }
  const typed = address ?? registry;
  if (plainHttp && /^https:/i.test(typed ?? '')) {
    throw new InvalidArgumentError(`--plain-http asks for http, but ${shown(typed ?? '')} for https`);
  }
  const written = typed ?? (io.env.REGISTRY_URL || DEFAULT_REGISTRY);
  return plainHttp ? `http://${written.replace(SCHEME, '')}` : written;
}

function securityOf({ caFile, certFile, keyFile, proxy }: ConnectionFlags): RegistryClientOptions {
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InvalidArgumentError('--cert-file and --key-file come together, and one of them is missing');
  }
  const identity = certFile !== undefined && keyFile !== undefined ? { cert: certFile, key: keyFile } : {};
  const tls = { ...(caFile === undefined ? {} : { ca: caFile }), ...identity };
  return { ...(Object.keys(tls).length > 0 ? { tls } : {}), ...(proxy === undefined ? {} : { proxy }) };
}

function optionsOf({ timeout, cache, concurrency }: ConnectionFlags): RegistryClientOptions {
  return {
    ...(timeout === undefined ? {} : { timeout: Math.ceil(timeout * 1000) }),
    ...(cache === undefined ? {} : { cache }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

/** Behind a scheme the first part is a host whatever it looks like: `http://registry/app`. */
function split(reference: string): Omit<Reference, 'registry'> & { address?: string } {
  const [scheme] = SCHEME.exec(reference) ?? [];
  if (scheme === undefined) {
    const { registry, ...name } = parseReference(reference);
    return registry === undefined ? name : { address: registry, ...name };
  }
  const slash = reference.indexOf('/', scheme.length);
  if (slash < 0) throw new InvalidArgumentError(`${shown(reference)} names a registry, but no repository in it`);
  const { registry: _host, ...name } = parseReference(`localhost/${reference.slice(slash + 1)}`);
  return { address: reference.slice(0, slash), ...name };
}

/** As typed, but for user and password. */
function shown(reference: string): string {
  return reference.replace(/\/\/[^/]*@/, '//');
}
