import { Refusal } from './registry-error.js';

export type Endpoint = 'base' | 'catalog' | 'tags' | 'referrers' | 'manifest' | 'blob' | 'uploads' | 'upload';

export interface Route {
  endpoint: Endpoint;
  /** Not checked yet; empty where the endpoint has none. */
  repository: string;
  /** Last part of the path, not checked yet; empty where the endpoint has none. */
  reference: string;
}

/** Parts a target at its first question mark, and nowhere else: what asks for a right and what uses it must read the same. */
export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const [path = ''] = target.split('?', 1);
  return { path, query: new URLSearchParams(target.slice(path.length)) };
}

/**
 * Understands a path, percent-encoded as sent; every part is decoded once. Read from the right, because a repository may have
 * parts named `blobs` or `tags` itself. `undefined` for a path that is no endpoint.
 * Source: distribution-spec v1.1, "Endpoints"; `_catalog` is Docker's.
 * @throws Refusal NAME_INVALID when the percent-encoding is broken.
 */
export function routeOf(path: string): Route | undefined {
  const [root, version, ...parts] = path.split('/').map(decode);
  if (root !== '' || version !== 'v2') return undefined;
  if (parts.join('/') === '') return { endpoint: 'base', repository: '', reference: '' };
  if (parts.length === 1 && parts[0] === '_catalog') return { endpoint: 'catalog', repository: '', reference: '' };
  return repositoryRoute(parts);
}

function repositoryRoute(parts: readonly string[]): Route | undefined {
  const [parent, keyword, reference] = [parts.at(-3), parts.at(-2), parts.at(-1) ?? ''];
  const repository = parts.slice(0, -2).join('/');
  if (keyword === 'uploads' && parent === 'blobs') {
    return { endpoint: reference === '' ? 'uploads' : 'upload', repository: parts.slice(0, -3).join('/'), reference };
  }
  if (keyword === 'tags' && reference === 'list') return { endpoint: 'tags', repository, reference: '' };
  if (keyword === 'referrers') return { endpoint: 'referrers', repository, reference };
  if (keyword === 'manifests') return { endpoint: 'manifest', repository, reference };
  if (keyword === 'blobs') return { endpoint: 'blob', repository, reference };
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal('NAME_INVALID', 'the path is not valid percent-encoding', { detail: { part } });
  }
}
