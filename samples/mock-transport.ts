// Test your own code without any registry: a transport is one method, so a mock of it is a few lines.
import { Readable } from 'node:stream';
import { collect, RegistryClient, type Transport, type TransportRequest } from 'registry-api-v2-client';

const requests: string[] = [];

const transport: Transport = {
  send(request: TransportRequest) {
    requests.push(`${request.method} ${request.url.pathname}`);
    const body = JSON.stringify({ name: 'team/app', tags: ['1.0', 'latest'] });
    return Promise.resolve({
      status: 200,
      url: request.url,
      headers: { 'content-type': 'application/json' },
      body: Readable.from([Buffer.from(body)]),
    });
  },
};

const client = new RegistryClient({ url: 'https://registry.test', transport, credentials: 'anonymous' });

console.log(await collect(client.listTags('team/app')));
console.log(requests);
