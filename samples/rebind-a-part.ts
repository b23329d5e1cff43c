// Put a part of your own where the container has one: here a transport that counts what goes over the wire.
import { collect, type RepositoryService, type Transport } from 'registry-api-v2-client';
import type { TransportRequest, TransportResponse } from 'registry-api-v2-client';
import { createContainer, TOKENS } from 'registry-api-v2-client/container';

class CountingTransport implements Transport {
  readonly counts = new Map<string, number>();

  constructor(private readonly inner: Transport) {}

  send(request: TransportRequest): Promise<TransportResponse> {
    this.counts.set(request.method, (this.counts.get(request.method) ?? 0) + 1);
    return this.inner.send(request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }
}

const container = createContainer({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
const counting = new CountingTransport(container.get<Transport>(TOKENS.BottomTransport));
container.rebind(TOKENS.BottomTransport).toConstantValue(counting);

// Whatever is made from now on is made with it: retries, redirects and signing in go round it as ever.
const repositories = container.get<RepositoryService>(TOKENS.RepositoryService);
await repositories.ping();
const names = await collect(repositories.listRepositories());
console.log(`${names.length} repositories, asked with`, counting.counts);

await container.get<Transport>(TOKENS.Transport).close?.();
