// Push what comes through a pipe, without a file: `docker save app | node push-from-a-pipe.js team/app:1.0`.
import { RegistryClient, RegistryError } from 'registry-api-v2-client';

const [reference = 'team/app:1.0'] = process.argv.slice(2);
const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

try {
  // Any stream of bytes will do: the output of a child process, the body of a request, a packed file that is downloaded.
  const pushed = await client.push(process.stdin, reference, {
    onProgress: (event) => {
      if (event.state === 'uploaded') console.error(`sent ${event.blob.entry} while the rest is still to come`);
    },
  });
  console.log(`${pushed.reference}@${pushed.digest}`);
} catch (error) {
  if (!(error instanceof RegistryError)) throw error;
  // What has passed is gone: whoever made the stream has to make it again.
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.close();
}
