import { InvalidArgumentError, parseReference, RegistryClient } from '../index.js';
import type { Io } from './io.js';
import type { ConnectionFlags } from './program.js';

/** A registry to speak to, and a name in it. */
export interface Target {
  client: RegistryClient;
  /** `repository[:tag]`, without the host. */
  name: string;
}

/**
 * Takes `[http://|https://]host[:port]/repository[:tag]` or `repository[:tag]` apart.
 * @throws InvalidArgumentError when it is neither, or names another host than --registry
 */
export function targetOf(reference: string, flags: ConnectionFlags, io: Io): Target {
  const scheme = /^https?:\/\//.exec(reference)?.[0] ?? '';
  const { registry, repository, tag, digest } = parseReference(reference.slice(scheme.length));
  if (scheme && registry === undefined) return withoutHostRule(scheme, reference, flags, io);
  if (digest !== undefined) throw new InvalidArgumentError(`${reference} names a digest where a tag is wanted`);
  if (registry !== undefined && flags.registry !== undefined) {
    throw new InvalidArgumentError(`${reference} names a registry, and so does --registry`, {
      hint: 'Give only one of them.',
    });
  }
  const client = connect(registry === undefined ? undefined : `${scheme}${registry}`, flags, io);
  return { client, name: tag === undefined ? repository : `${repository}:${tag}` };
}

/** A client for a registry given by address, by --registry, by REGISTRY_URL, or not at all. */
export function connect(address: string | undefined, flags: ConnectionFlags, io: Io): RegistryClient {
  const { plainHttp = false, insecure = false } = flags;
  const written = address ?? flags.registry ?? (io.env.REGISTRY_URL || undefined);
  const url = plainHttp && written !== undefined ? `http://${written.replace(/^https?:\/\//, '')}` : written;
  return new RegistryClient({ ...(url === undefined ? {} : { url }), insecure });
}

/** Behind a scheme the first part is a host whatever it looks like: `http://registry/app`. */
function withoutHostRule(scheme: string, reference: string, flags: ConnectionFlags, io: Io): Target {
  const [host = '', ...path] = reference.slice(scheme.length).split('/');
  const { repository, tag } = parseReference(path.join('/'));
  return {
    client: connect(`${scheme}${host}`, flags, io),
    name: tag === undefined ? repository : `${repository}:${tag}`,
  };
}
