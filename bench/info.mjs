// npm run bench:info [-- repositories]: what many images are, one after another and together, on a link of 25 ms.
import { RegistryClient } from 'registry-api-v2-client';
import { startLatencyProxy } from './latency-proxy.mjs';
import { startRegistry } from './registry.mjs';

const REPOSITORIES = Number(process.argv[2] ?? 200);
const ROUND_TRIP = 25;
const ARCHIVE = 'spec/fixtures/docker-26-multi-tag.tar';

const registry = await startRegistry();
const near = new RegistryClient({ url: `http://${registry.host}` });
const proxy = await startLatencyProxy(registry.host, ROUND_TRIP);
try {
  const names = Array.from({ length: REPOSITORIES }, (_, i) => `bench/app${i}`);
  await near.push(ARCHIVE, `${names[0]}:1`);
  await Promise.all(names.slice(1).map((name) => near.copy(`${names[0]}:1`, `${name}:1`)));
  const sequential = await timed(async (client) => {
    for (const name of names) await client.getImageInfo(name, '1');
  });
  const together = await timed((client) => Promise.all(names.map((name) => client.getImageInfo(name, '1'))));
  const listed = await timed(async (client) => {
    let count = 0;
    for await (const { error } of client.listImages()) count += error ? 0 : 1;
    if (count !== REPOSITORIES) throw new Error(`listImages found ${count} images`);
  });
  console.log(`${REPOSITORIES} repositories × getImageInfo, ${ROUND_TRIP} ms round trip, ${registry.name}`);
  console.table([
    row('one after another', sequential, sequential),
    row('Promise.all', together, sequential),
    row('listImages, catalog and tags included', listed, sequential),
  ]);
} finally {
  await near.close();
  proxy.stop();
  await registry.stop();
}

/** With a client, and so with connections, of its own. */
async function timed(work) {
  const client = new RegistryClient({ url: `http://${proxy.host}` });
  try {
    const start = performance.now();
    await work(client);
    return (performance.now() - start) / 1000;
  } finally {
    await client.close();
  }
}

function row(what, seconds, base) {
  return { what, seconds: seconds.toFixed(2), ratio: (seconds / base).toFixed(3) };
}
