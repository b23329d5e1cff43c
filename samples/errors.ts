// One family of errors: a class where you would act differently, and in every message what was done, to what, and what to try.
import {
  AuthenticationError,
  RegistryClient,
  RegistryClientError,
  TarReadError,
  ValidationError,
} from 'registry-api-v2-client';

const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

try {
  await client.pushOriginalTags(process.argv[2] ?? 'spec/fixtures/docker-26-containerd-missing-blobs.tar');
} catch (error) {
  if (error instanceof ValidationError) {
    for (const { entry, message } of error.problems) console.log(`${entry}: ${message}`);
  } else if (error instanceof TarReadError) {
    console.log('not a tar:', error.message);
  } else if (error instanceof AuthenticationError) {
    console.log('log in first:', error.message);
  } else if (RegistryClientError.is(error)) {
    console.log(error.code, error.retryable ? 'try again later' : 'trying again will not help', error.message);
  } else throw error;
}
await client.close();
