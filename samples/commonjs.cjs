// Push from plain JavaScript in a CommonJS file: the package is ESM, and Node requires that from 20.19 on.
const { collect, RegistryClient } = require('registry-api-v2-client');

async function main([tar = 'app.tar', reference = 'team/app:1.0']) {
  const client = new RegistryClient({ url: process.env.REGISTRY_URL ?? 'http://localhost:15000' });
  try {
    const pushed = await client.push(tar, reference);
    const tags = await collect(client.listTags(pushed.repository));
    console.log(`${pushed.reference}@${pushed.digest}, one of ${tags.length} tags`);
  } finally {
    // `await using` does this in TypeScript, and in JavaScript from Node 24 on.
    await client.close();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
