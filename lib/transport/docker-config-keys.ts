import { DOCKER_HUB_NAMES } from '../oci/docker-hub.js';

const DOCKER_HUB = 'https://index.docker.io/v1/';

/** `https://Host:443/v2/` → `host`; the three names of Docker Hub are one. */
export function hostOf(key: string): string {
  const match = /^(?:(https?):\/\/)?([^/]*)/i.exec(key);
  const isPlain = match?.[1]?.toLowerCase() === 'http';
  const host = (match?.[2] ?? '').toLowerCase().replace(isPlain ? /:80$/ : /:443$/, '');
  return DOCKER_HUB_NAMES.includes(host) ? 'index.docker.io' : host;
}

/** What Docker and its helpers know a registry by. Source: docker/cli, moby `registry/config.go` (`IndexServer`). */
export function serverOf(registry: string): string {
  const host = hostOf(registry);
  return host === hostOf(DOCKER_HUB) ? DOCKER_HUB : host;
}

/**
 * Whether a key of `auths` means all of a registry. Podman keeps logins for a part of one there too, as `quay.io/team`.
 * Source: containers-auth.json(5).
 */
export function isWhole(key: string): boolean {
  return /^(?:https?:\/\/)?[^/]*(?:\/|\/v[12]\/?)?$/i.test(key);
}
