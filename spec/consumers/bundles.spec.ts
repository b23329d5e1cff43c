import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '../support/proc.js';
import { LinkedConsumer } from '../support/linked-consumer.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const APP = `
import { BlobService, NotFoundError, RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';

class Audited extends BlobService {}

async function main() {
  const transport = new EmbeddedTransport();
  const client = new RegistryClient({ url: 'http://registry.test', transport, services: { blobs: Audited } });
  await client.push(${JSON.stringify(resolve('spec/fixtures/docker-26-multi-tag.tar'))}, 'team/app:1.0');
  const failure = await client.getManifest('team/app', 'none').catch((error) => error);
  console.log(client.blobs instanceof Audited, failure instanceof NotFoundError, failure.name);
  console.log(failure.stack.split(':')[0], JSON.parse(JSON.stringify(failure)).name);
  const unreachable = new RegistryClient({ url: 'http://127.0.0.1:1', retry: { retries: 0 } });
  console.log((await unreachable.checkConnectivity().catch((error) => error)).code);
}
main();
`;

const PRINTED = 'true true NotFoundError\nNotFoundError NotFoundError\nECONNREFUSED\n';

/** axios has CommonJS inside, which requires what Node has; esbuild leaves that to whoever makes a module (evanw/esbuild#1921). */
const BANNER =
  "--banner:js=import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

describe('an app with the built package in one file', () => {
  const folders = new TemporaryFolders();
  let consumer: LinkedConsumer;
  beforeAll(async () => {
    consumer = await LinkedConsumer.make(folders, 'module');
    await consumer.write('app.ts', APP);
  });
  afterAll(() => folders.remove());

  it.each([
    ['a module', 'mjs', ['--format=esm', BANNER]],
    ['a small module', 'small.mjs', ['--format=esm', BANNER, '--minify']],
    ['CommonJS', 'cjs', ['--format=cjs']],
    ['small CommonJS', 'small.cjs', ['--format=cjs', '--minify']],
  ])('runs as %s, with its services, and with errors that keep their names', async (_, name, flags) => {
    // By its command line: the way it makes a module of itself does not survive jest.
    const common = ['app.ts', '--bundle', '--platform=node', '--target=node20', '--log-level=warning'];
    const bundled = await run(resolve('node_modules/.bin/esbuild'), [...common, `--outfile=out.${name}`, ...flags], {
      cwd: consumer.folder,
    });
    expect(bundled).toMatchObject({ code: 0, stderr: '' });
    // In a folder without node_modules.
    const alone = join(await folders.make(), `out.${name}`);
    await copyFile(join(consumer.folder, `out.${name}`), alone);
    expect(await run(process.execPath, [alone])).toMatchObject({ code: 0, stdout: PRINTED, stderr: '' });
  });
});
