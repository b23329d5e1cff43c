import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from '../errors.js';
import { atHome } from '../home.js';
import { DOCKER_HUB_API } from '../oci/docker-hub.js';
import type { TlsOptions } from './tls-material.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the folder of a host in `certs.d` says: `*.crt` are authorities, `NAME.cert` and `NAME.key` who we are. The first folder
 * there is counts alone. Docker's and skopeo's places are looked at, those of the user first; a folder may write the port 443 out,
 * and Docker Hub's is that of its name for people, too.
 * Sources: docs.docker.com/engine/security/certificates, containers-certs.d(5).
 * @param host - `host[:port]`, without the port when it is the scheme's own
 * @throws InvalidArgumentError for a certificate without its key, or a key without its certificate, as docker does
 */
export function findCertificates(
  host: string,
  env: Environment,
  home: () => string = homedir,
  system: readonly string[] = ['/etc/containers', '/etc/docker'],
): TlsOptions | undefined {
  const parents = [...ownFolders(env, home), ...system];
  for (const folder of parents.flatMap((parent) => namesOf(host).map((name) => join(parent, 'certs.d', name)))) {
    const files = existsSync(folder) ? filesIn(folder) : undefined;
    if (files) return optionsFrom(folder, files);
  }
  return undefined;
}

/** Windows has no colon in the names of folders; docker leaves it out there. */
function namesOf(host: string): string[] {
  const withPort = /:\d+$/.test(host) ? [] : [`${host}:443`];
  const names = [host, ...withPort, ...(host === DOCKER_HUB_API ? ['docker.io'] : [])];
  return process.platform === 'win32' ? names.map((name) => name.replaceAll(':', '')) : names;
}

function ownFolders(env: Environment, home: () => string): string[] {
  const config = env.XDG_CONFIG_HOME || atHome('.config', home, env.HOME);
  const docker = env.DOCKER_CONFIG || atHome('.docker', home, env.HOME);
  return [docker, config && join(config, 'docker'), config && join(config, 'containers')].filter(
    (folder) => folder !== undefined,
  );
}

/** Undefined for what is not ours to read, such as the folder of root's own docker, and for what is no folder. */
function filesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch {
    return undefined;
  }
}

function optionsFrom(folder: string, files: readonly string[]): TlsOptions | undefined {
  const ending = (end: string): string[] => files.filter((file) => file.endsWith(end));
  const certificates = ending('.cert').map((file) => file.slice(0, -'.cert'.length));
  const keys = ending('.key').map((file) => file.slice(0, -'.key'.length));
  for (const name of certificates) if (!keys.includes(name)) throw alone(folder, `${name}.cert`, `${name}.key`);
  for (const name of keys) if (!certificates.includes(name)) throw alone(folder, `${name}.key`, `${name}.cert`);
  const ca = ending('.crt').map((file) => join(folder, file));
  const [first] = certificates;
  const identity =
    first === undefined ? {} : { cert: join(folder, `${first}.cert`), key: join(folder, `${first}.key`) };
  return { ...(ca.length > 0 ? { ca } : {}), ...identity };
}

function alone(folder: string, there: string, missing: string): InvalidArgumentError {
  return new InvalidArgumentError(`${join(folder, there)} is there without ${missing}`, {
    code: 'TLS_INVALID',
    hint: 'A certificate of the client (.cert) and its key (.key) come together; one of an authority ends in .crt.',
  });
}
