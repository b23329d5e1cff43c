// Reach a registry by a proxy, and tell a proxy that refuses from a registry that does.
import { RegistryClient, RegistryError } from 'registry-api-v2-client';

const [url = 'https://registry.example.com', proxy = 'http://user:password@proxy.example.com:3128'] =
  process.argv.slice(2);

// Without the option HTTPS_PROXY, HTTP_PROXY and NO_PROXY say where to go; `false` takes no proxy whatever they say.
await using client = new RegistryClient({ url, proxy });

try {
  await client.checkConnectivity();
  console.log(`${client.registry} is there, by the proxy`);
} catch (error) {
  if (!(error instanceof RegistryError)) throw error;
  // PROXY_REFUSED: the password or the rules of the proxy; PROXY_FAILED: it got no further; PROXY_UNREACHABLE: it is not there.
  const isProxy = error.code?.startsWith('PROXY_');
  console.log(`${isProxy ? 'the proxy' : 'the registry'} says no: ${error.message}`);
}
