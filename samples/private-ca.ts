// Trust the private authority of a registry, and show the registry a certificate of ours.
import { RegistryClient } from 'registry-api-v2-client';

const [url = 'https://registry.example.com', ca = 'corp-ca.pem', cert = 'client.pem', key = 'client.key'] =
  process.argv.slice(2);

// Paths of PEM files, or PEM itself; `ca` takes several. They are read here, and what does not fit together is said here.
await using client = new RegistryClient({ url, tls: { ca, cert, key } });

// The authority counts besides those Node knows, and for every server the client meets: token server and storage, too.
// Our certificate is for the registry alone.
await client.checkConnectivity();
console.log(`${client.registry} is who it says, and knows us`);
