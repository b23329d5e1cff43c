// Read from a mirror that is near, and from the registry what the mirror does not have.
import { RegistryClient } from 'registry-api-v2-client';

const [url = 'https://registry.example.com', mirror = 'https://mirror.example.com'] = process.argv.slice(2);
const [reference = 'team/app:1.0', file = 'app.tar'] = process.argv.slice(4);

await using client = new RegistryClient({
  url,
  mirrors: [mirror],
  // One line for each request says who was asked, and who had it.
  log: (line) => console.log(line),
});

// What has a digest is verified, wherever it comes from. What a tag stands for is what the first one says that knows it.
const pulled = await client.pull(reference, file);
console.log(`${file} holds ${pulled.reference}`);
