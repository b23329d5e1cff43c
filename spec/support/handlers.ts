import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from '../../lib/embedded/message.js';

/** A request for a handler; everything but method and target has a default. */
export function requestOf(
  method: string,
  target: string,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string | Buffer | Readable } = {},
): RegistryRequest {
  const stream = body instanceof Readable ? body : Readable.from([Buffer.from(body)], { objectMode: false });
  return { method, target, headers, body: stream };
}

/** `Authorization: Basic …` */
export function basic(username: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** A handler that answers 200 to everything and keeps what it was asked. */
export class AskedHandler implements RegistryHandler {
  readonly requests: RegistryRequest[] = [];
  readonly bodies: Buffer[] = [];

  constructor(private readonly answer: RegistryResponse = { status: 200, headers: {} }) {}

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    this.requests.push(request);
    this.bodies.push(await buffer(request.body));
    return this.answer;
  }
}

export async function bodyOfAnswer({ body }: RegistryResponse): Promise<Buffer> {
  return body === undefined ? Buffer.alloc(0) : buffer(await body.open());
}

/** Status and first error code: `401 UNAUTHORIZED`. */
export async function outcomeOfAnswer(answer: RegistryResponse): Promise<string> {
  const { errors } = JSON.parse((await bodyOfAnswer(answer)).toString()) as { errors: { code: string }[] };
  return `${answer.status} ${errors[0]?.code}`;
}
