import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** A registry that nobody can change: whatever does not only read is answered 405, as by distribution in its read-only mode. */
export class ReadOnly implements RegistryHandler {
  /** `inner` answers what only reads. */
  constructor(private readonly inner: RegistryHandler) {}

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    if (request.method === 'GET' || request.method === 'HEAD') return this.inner.handle(request);
    const headers = { allow: 'GET, HEAD' };
    return seal(request, errorResponse(new Refusal('UNSUPPORTED', 'this registry is read-only', { headers })));
  }
}
