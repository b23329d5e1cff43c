import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LinkedConsumer } from '../support/linked-consumer.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const ESM = `
import { NotFoundError, RegistryClient } from 'registry-api-v2-client';
import { createContainer, TOKENS } from 'registry-api-v2-client/container';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';
`;

const COMMONJS = ESM.replaceAll(/import (.*) from (.*);/g, 'const $1 = require($2);');

const BODY = `
async function main() {
  const client = new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });
  const pushing = client.withEvents.push(process.argv[2] ?? '', 'team/app:1.0');
  for await (const { state } of pushing) if (state === 'tagged') console.log(state);
  const failure = await client.getManifest('team/app', 'none').catch((error) => error);
  const service = createContainer({ transport: new EmbeddedTransport() }).get(TOKENS.BlobService);
  console.log(failure instanceof NotFoundError, failure.name, service.constructor.name);
  await client.close();
}
void main();
`.replace("process.argv[2] ?? ''", JSON.stringify(`${process.cwd()}/spec/fixtures/docker-26-multi-tag.tar`));

const PRINTED = 'tagged\ntrue NotFoundError BlobService\n';

describe('the built package', () => {
  const folders = new TemporaryFolders();
  let consumer: LinkedConsumer;
  beforeAll(async () => {
    consumer = await LinkedConsumer.make(folders, 'commonjs');
  });
  afterAll(() => folders.remove());

  it('is imported by a module', async () => {
    await consumer.write('app.mjs', ESM + BODY);
    expect(await consumer.run('app.mjs')).toMatchObject({ code: 0, stdout: PRINTED, stderr: '' });
  });

  it('is required by CommonJS, without a warning', async () => {
    await consumer.write('app.cjs', COMMONJS + BODY);
    expect(await consumer.run('app.cjs')).toMatchObject({ code: 0, stdout: PRINTED, stderr: '' });
  });

  it('is the same package either way, so that errors are of the same classes', async () => {
    await consumer.write(
      'both.mjs',
      `import { createRequire } from 'node:module';
       import { RegistryError } from 'registry-api-v2-client';
       const required = createRequire(import.meta.url)('registry-api-v2-client');
       console.log(required.RegistryError === RegistryError);`,
    );
    expect(await consumer.run('both.mjs')).toMatchObject({ code: 0, stdout: 'true\n', stderr: '' });
  });

  it('says in the last words of a program what went wrong and what to try, with no more than a screen of it', async () => {
    await consumer.write(
      'fails.mjs',
      `import { RegistryClient } from 'registry-api-v2-client';
       const client = new RegistryClient({ url: 'http://user:hunter2@127.0.0.1:1', retry: { retries: 0 } });
       await client.push('no-such.tar', 'team/app:1.0').catch((error) => console.error(error));
       await client.checkConnectivity();`,
    );
    const { code, stderr } = await consumer.run('fails.mjs');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^TarReadError: there is no file no-such\.tar\. Write it with: docker save/);
    expect(stderr).toMatch(
      /^RegistryError: GET http:\/\/127\.0\.0\.1:1\/v2\/ got no answer: .*ECONNREFUSED.*port right\?$/m,
    );
    expect(stderr).not.toMatch(/hunter2|undefined|socket|axios\.js/i);
    expect(stderr.split('\n').length).toBeLessThan(50);
  });

  it('has what a compiler of older JavaScript needs for await using', async () => {
    const compiled = await readFile('build/samples/quickstart.js', 'utf8');
    expect(compiled).toContain('Symbol.asyncDispose');
    await consumer.write('symbol.mjs', `console.log(typeof Symbol.asyncDispose);`);
    expect(await consumer.run('symbol.mjs')).toMatchObject({ stdout: 'symbol\n', stderr: '' });
  });
});
