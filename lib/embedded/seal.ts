import type { RegistryRequest, RegistryResponse } from './message.js';

/** What every answer has. An answer to HEAD is the one to GET without its body; 204 has no length (RFC 9110, 8.6). */
export function seal(request: RegistryRequest, { status, headers, body }: RegistryResponse): RegistryResponse {
  const sealed = {
    ...headers,
    ...(status === 204 ? {} : { 'content-length': String(body?.size ?? 0) }),
    'docker-distribution-api-version': 'registry/2.0',
  };
  return { status, headers: sealed, ...(body === undefined || request.method === 'HEAD' ? {} : { body }) };
}
