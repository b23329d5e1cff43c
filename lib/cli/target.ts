import { formatReference, InvalidArgumentError, parseReference, type Reference, RegistryClient } from '../index.js';
import type { Io } from './io.js';
import type { ConnectionFlags } from './program.js';

/** A registry to speak to, and a name in it. */
export interface Target {
  client: RegistryClient;
  /** `repository[:tag][@digest]`, without the host. */
  name: string;
}

const SCHEME = /^https?:\/\//i;

/** What is spoken to when nothing says otherwise; also when this process, unlike the command, has another `REGISTRY_URL`. */
const DEFAULT_REGISTRY = 'http://localhost:15000';

/**
 * Takes `[http://|https://]host[:port]/repository[:tag]` or `repository[:tag]` apart.
 * @param options.digests - whether `@digest` may follow. Default `false`
 * @throws InvalidArgumentError when it is neither, or names a host although --registry does
 */
export function targetOf(
  reference: string,
  flags: ConnectionFlags,
  io: Io,
  { digests = false }: { digests?: boolean } = {},
): Target {
  const { address, ...name } = split(reference);
  if (name.digest !== undefined && !digests) {
    throw new InvalidArgumentError(`${shown(reference)} names a digest where a tag is wanted`);
  }
  return { client: connect(address, flags, io), name: formatReference(name) };
}

/**
 * A client for a registry given by address, by --registry, by REGISTRY_URL, or not at all.
 * @throws InvalidArgumentError when it is given twice, or is no address
 */
export function connect(address: string | undefined, flags: ConnectionFlags, io: Io): RegistryClient {
  const { registry, plainHttp = false, insecure = false } = flags;
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
  return new RegistryClient({ url: plainHttp ? `http://${written.replace(SCHEME, '')}` : written, insecure });
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
