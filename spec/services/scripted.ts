import { type FakeHandler, type FakeReply, FakeTransport } from '../support/fake-transport.js';

/** Where the registry of these specs is. */
export const REGISTRY = 'http://registry.example';

export const OPTIONS = { url: new URL(`${REGISTRY}/`), timeout: 30_000 };

/** One step of a script: an answer, its status alone, an error in place of one, or a function that decides. */
export type Step = number | FakeReply | Error | FakeHandler;

/** A transport that answers with these steps, one after the other; a request too many fails. */
export function scripted(...steps: Step[]): FakeTransport {
  const left = [...steps];
  return new FakeTransport((request, body) => {
    const step = left.shift();
    if (step === undefined) throw new Error(`one request too many: ${request.method} ${request.url.href}`);
    if (step instanceof Error) throw step;
    if (typeof step === 'number') return { status: step };
    return typeof step === 'function' ? step(request, body) : step;
  });
}

/** `PUT /path?query` of every request, with the host where it is not the registry's, and the bytes where there are any. */
export function told(transport: FakeTransport): string[] {
  return transport.requests.map(({ method, url, content }) => {
    const bytes = content.length > 0 ? ` ${content.length} bytes` : '';
    return `${method} ${url.href.replace(REGISTRY, '')}${bytes}`;
  });
}

/** An answer with the spec's error body. */
export function refusal(status: number, code: string, message = 'no'): FakeReply {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: JSON.stringify({ errors: [{ code, message }] }) };
}
