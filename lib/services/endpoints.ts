import { assertDigest } from '../oci/digest.js';
import { registryOf } from '../oci/docker-hub.js';
import { assertRepository, assertTagOrDigest, repositoryOn } from '../oci/reference.js';

/** Address of one operation, with the access a token for it must grant. */
export interface Endpoint {
  url: URL;
  scopes: readonly string[];
}

/** `repository:<name>:pull`. Source: distribution `docs/content/spec/auth/scope.md`. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

export function deleteScope(repository: string): string {
  return `repository:${repository}:delete,pull`;
}

/**
 * Where the operations of the distribution spec are. Every name and digest is checked here, before it enters a URL.
 * Source: distribution-spec v1.1, "Endpoints".
 */
export class Endpoints {
  /** As it stands in references. */
  private readonly registry: string;

  /** @param base - ends with `/` */
  constructor(private readonly base: URL) {
    this.registry = registryOf(base);
  }

  ping(): Endpoint {
    return { url: new URL('v2/', this.base), scopes: [] };
  }

  /** Not part of the OCI spec; registries keep it for their operators. */
  catalog(query: Readonly<Record<string, string>>): Endpoint {
    return { url: this.url('v2/_catalog', query), scopes: ['registry:catalog:*'] };
  }

  tags(repository: string, query: Readonly<Record<string, string>>): Endpoint {
    return this.in(repository, 'tags/list', query, pullScope);
  }

  manifest(repository: string, reference: string, scope = pullScope): Endpoint {
    return this.in(repository, `manifests/${assertTagOrDigest(reference)}`, {}, scope);
  }

  /** Source: distribution-spec v1.1, "Listing Referrers". */
  referrers(repository: string, digest: string, query: Readonly<Record<string, string>>): Endpoint {
    return this.in(repository, `referrers/${assertDigest(digest)}`, query, pullScope);
  }

  blob(repository: string, digest: string, scope = pullScope): Endpoint {
    return this.in(repository, `blobs/${assertDigest(digest)}`, {}, scope);
  }

  uploads(repository: string): Endpoint {
    return this.in(repository, 'blobs/uploads/', {}, pushScope);
  }

  /** Mounting reads the other repository too, and one token must allow both. */
  mount(repository: string, digest: string, from: string): Endpoint {
    const query = { mount: assertDigest(digest), from: this.nameOf(from) };
    const endpoint = this.in(repository, 'blobs/uploads/', query, pushScope);
    return { ...endpoint, scopes: [...endpoint.scopes, this.scope(from, 'pull')] };
  }

  /** `repository:<name>:<action>`, to be asked for along with what an operation needs. */
  scope(repository: string, action: 'pull' | 'delete'): string {
    return `repository:${this.nameOf(repository)}:${action}`;
  }

  private in(
    repository: string,
    path: string,
    query: Readonly<Record<string, string>>,
    scope: (repository: string) => string,
  ): Endpoint {
    const name = this.nameOf(repository);
    return { url: this.url(`v2/${name}/${path}`, query), scopes: [scope(name)] };
  }

  private nameOf(repository: string): string {
    return repositoryOn(this.registry, assertRepository(repository));
  }

  private url(path: string, query: Readonly<Record<string, string>>): URL {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }
}
