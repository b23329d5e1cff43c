/** Where Docker Hub has its API. */
export const DOCKER_HUB_API = 'registry-1.docker.io';

/** A name for people, that of docker login, and that of the API. */
export const DOCKER_HUB_NAMES: readonly string[] = ['docker.io', 'index.docker.io', DOCKER_HUB_API];

/** The host of a registry as it stands in references. */
export function registryOf({ host }: URL): string {
  return host === DOCKER_HUB_API ? 'docker.io' : host;
}
