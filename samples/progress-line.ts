// Draw a progress line of your own from what a push tells.
import { RegistryClient } from 'registry-api-v2-client';

const [tar = 'app.tar', reference = 'team/app:1.0'] = process.argv.slice(2);
await using client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });

let total = 0;
const done = new Map<string, number>();

function begin(bytes: number): void {
  total = bytes;
  done.clear();
}

function draw(): void {
  const bytes = [...done.values()].reduce((sum, count) => sum + count, 0);
  // \r goes back to the start of the line, \x1b[K clears what was there.
  process.stderr.write(`\r\x1b[K${Math.floor((100 * bytes) / (total || 1))} % of ${total} bytes`);
}

// `progress` counts what was read of a blob: events come for each chunk, so a screen is drawn by the clock.
const clock = process.stderr.isTTY ? setInterval(draw, 100) : undefined;
try {
  const pushed = await client.push(tar, reference, {
    onProgress: (event) => {
      // The plan comes again when all is done once more.
      if (event.state === 'planned') begin(event.bytes);
      if (event.state === 'progress') done.set(event.blob.entry, event.read);
      if (event.state === 'retry') done.delete(event.blob.entry);
      // In the registry, also where nothing had to be read for it.
      if ('repository' in event) done.set(event.blob.entry, event.blob.size);
    },
  });
  draw();
  console.error();
  console.log(`${pushed.reference}@${pushed.digest}`);
} finally {
  clearInterval(clock);
}
