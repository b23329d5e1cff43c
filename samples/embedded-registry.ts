// Run the embedded registry from code: without sockets for a test, or over http on a folder that survives.
import { RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport, LayoutStore, RegistryServer } from 'registry-api-v2-client/testing';

const folder = process.argv[2] ?? './images';

const client = new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() }); // no sockets, in memory
console.log('in this process:', await client.checkConnectivity());

const store = await LayoutStore.open(folder);
const server = await RegistryServer.start({ port: 0, store }); // http, over a folder; 0 is any free port
console.log(`${folder} is served at ${server.url}`);
await server.close();
await store.close();
