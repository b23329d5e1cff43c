// Check that a registry is there and lets us in before work begins, and say which of the two is wrong when it does not.
import { AuthenticationError, RegistryClient, RegistryError } from 'registry-api-v2-client';

const url = process.argv[2] ?? process.env.REGISTRY_URL ?? 'http://localhost:15000';
const client = new RegistryClient({ url, timeout: 5000, retry: { retries: 1 } });

try {
  await client.checkConnectivity();
  console.log(`${client.registry} is there and lets us in`);
} catch (error) {
  if (!(error instanceof RegistryError)) throw error;
  const what = error instanceof AuthenticationError ? 'does not let us in' : 'is not there';
  console.log(`${client.registry} ${what}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
