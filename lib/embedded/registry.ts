import { assertRepository } from '../oci/reference.js';
import { BlobRoutes } from './blobs.js';
import { ListRoutes } from './lists.js';
import { ManifestRoutes } from './manifests.js';
import { MemoryStore } from './memory-store.js';
import {
  jsonResponse,
  type RegistryHandler,
  type RegistryRequest,
  type RegistryResponse,
  type RoutedRequest,
} from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { type Endpoint, routeOf, splitTarget } from './route.js';
import { seal } from './seal.js';
import type { Store } from './store.js';
import { UploadRoutes } from './uploads.js';

/** What a registry keeps its content in, and which rules it has. */
export interface EmbeddedRegistryOptions {
  /** Where content is kept. Default: a fresh `MemoryStore`. */
  store?: Store;
  /**
   * Bytes every chunk of an upload but the last must have, announced as `OCI-Chunk-Min-Length` and insisted on.
   * Default: 0, no such rule.
   */
  chunkMinLength?: number;
}

type Action = (request: RoutedRequest) => RegistryResponse | Promise<RegistryResponse>;
type Actions = Readonly<Partial<Record<string, Action>>>;

/** A whole registry without sockets: the OCI distribution spec v1.1 and Docker's `_catalog`, over a store. */
export class EmbeddedRegistry implements RegistryHandler {
  /** Where its content is: fill it or look into it past the protocol. */
  readonly store: Store;
  private readonly endpoints: Readonly<Record<Endpoint, Actions>>;

  /** Listens nowhere: see {@link RegistryServer} and {@link EmbeddedTransport}. */
  constructor(options: EmbeddedRegistryOptions = {}) {
    this.store = options.store ?? new MemoryStore();
    const blobs = new BlobRoutes(this.store);
    const uploads = new UploadRoutes(this.store, options.chunkMinLength ?? 0);
    const manifests = new ManifestRoutes(this.store);
    const lists = new ListRoutes(this.store);
    this.endpoints = {
      base: { GET: () => jsonResponse(200, {}) },
      catalog: { GET: (request) => lists.catalog(request) },
      tags: { GET: (request) => lists.tags(request) },
      referrers: { GET: (request) => lists.referrers(request) },
      manifest: {
        GET: (request) => manifests.get(request),
        PUT: (request) => manifests.put(request),
        DELETE: (request) => manifests.delete(request),
      },
      blob: { GET: (request) => blobs.get(request), DELETE: (request) => blobs.delete(request) },
      uploads: { POST: (request) => uploads.start(request) },
      upload: {
        GET: (request) => uploads.status(request),
        PATCH: (request) => uploads.append(request),
        PUT: (request) => uploads.complete(request),
        DELETE: (request) => uploads.cancel(request),
      },
    };
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    try {
      return seal(request, await this.dispatch(request));
    } catch (error) {
      if (request.body.readableAborted) throw request.body.errored ?? error;
      return seal(request, errorResponse(error));
    }
  }

  private async dispatch(request: RegistryRequest): Promise<RegistryResponse> {
    const { path, query } = splitTarget(request.target);
    const route = routeOf(path);
    if (route === undefined) throw new Refusal('UNSUPPORTED', 'there is no such endpoint', { status: 404 });
    const action = actionFor(request.method, this.endpoints[route.endpoint]);
    if (route.endpoint !== 'base' && route.endpoint !== 'catalog') assertRepository(route.repository);
    return action({ ...request, ...route, query });
  }
}

function actionFor(method: string, actions: Actions): Action {
  const name = method === 'HEAD' ? 'GET' : method;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) return action;
  const allow = Object.keys(actions).flatMap((known) => (known === 'GET' ? ['GET', 'HEAD'] : [known]));
  throw new Refusal('UNSUPPORTED', `${method} is not supported here`, { headers: { allow: allow.join(', ') } });
}
