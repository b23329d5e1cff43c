// Keep credentials where docker login does, after asking the registry whether they are right.
import { eraseDockerCredentials, RegistryClient, saveDockerCredentials } from 'registry-api-v2-client';

const url = process.env.REGISTRY_URL ?? 'http://localhost:15000';
const credentials = { username: process.argv[2] ?? 'ci', password: process.env.REGISTRY_PASSWORD ?? '' };

await using asking = new RegistryClient({ url, credentials });
await asking.checkConnectivity();

// In docker's credential helper, or else in config.json, which nobody but you can read.
const { helper, file } = await saveDockerCredentials(asking.registry, credentials);
console.log(`kept by ${helper ?? file}`);

// From now on nobody has to say who we are: neither this client, nor docker, skopeo or podman.
await using client = new RegistryClient({ url });
console.log(`lets us in: ${await client.checkConnectivity()}`);

const places = await eraseDockerCredentials(client.registry);
console.log(`forgotten in ${places.length} place`);
