// Keep in one file how each host is reached, and let two clients use it.
// REGISTRY_CLIENT_CONFIG names the file; without it, it is the one the command line reads.
import { loadConfig, RegistryClient } from 'registry-api-v2-client';

const [near = 'registry.example.com', far = 'harbor.corp.example', name = 'team/app:1.0'] = process.argv.slice(2);

const config = loadConfig();
await using from = new RegistryClient({ url: near, ...config });
await using to = new RegistryClient({ url: far, ...config });
const copied = await from.copy(name, name, { to });

console.log(`${to.registry} has ${name} as ${copied.digest}, ${copied.blobs.uploaded} blobs sent`);
