// Get through a gateway that wants a header of its own, and stay below the number of requests a registry allows.
import { RegistryClient } from 'registry-api-v2-client';

const [url = 'https://registry.example.com', tar = 'app.tar', reference = 'team/app:1.0'] = process.argv.slice(2);

await using client = new RegistryClient({
  url,
  headers: { 'CF-Access-Client-Id': 'abc.access', 'CF-Access-Client-Secret': process.env.ACCESS_SECRET ?? '' },
  requestsPerSecond: 20,
});

// The headers go to the registry alone: no token server, mirror or storage sees them.
const pushed = await client.push(tar, reference);
console.log(`${pushed.reference}@${pushed.digest}`);
