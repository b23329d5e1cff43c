// Trace every request on the wire with node:diagnostics_channel, here as spans that know their parent.
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { RegistryClient, type RequestTrace } from 'registry-api-v2-client';

const current = new AsyncLocalStorage<string>();
const spans = new WeakMap<RequestTrace, { parent: string | undefined }>();

// With OpenTelemetry: tracer.startSpan() in start, span.recordException() in error, span.end() in asyncEnd.
const requests = tracingChannel<string, RequestTrace>('registry-api-v2-client:request');
requests.subscribe({
  start: (request) => spans.set(request, { parent: current.getStore() }),
  end: () => undefined,
  asyncStart: () => undefined,
  error: (request) => console.error(`${request.method} ${request.url}: ${String(request.error)}`),
  asyncEnd: (request) => {
    const { parent } = spans.get(request) ?? {};
    const { method, url, status = 'failed', duration = 0, requestSize = 0, responseSize = 0 } = request;
    console.log(
      `[${parent}] ${method} ${url} ${status} ${duration.toFixed(1)} ms, ${requestSize} up, ${responseSize} down`,
    );
  },
});

await using client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
await current.run('push', () => client.push(process.argv[2] ?? 'app.tar', process.argv[3] ?? 'team/app:1.0'));
await current.run('list', async () => {
  for await (const tag of client.listTags('traced/app')) console.log(tag);
});
