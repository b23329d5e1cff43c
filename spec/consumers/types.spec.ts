import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { LinkedConsumer } from '../support/linked-consumer.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const { ModuleKind, ModuleResolutionKind } = ts;
const BUNDLER = ModuleResolutionKind.Bundler;
const LEGACY = { experimentalDecorators: true, emitDecoratorMetadata: true };
const WITH_DOM = ['lib.es2022.d.ts', 'lib.dom.d.ts'];

const TYPESCRIPT = `
import { collect, RegistryClient, RegistryError } from 'registry-api-v2-client';
import type { ErrorJson, PushEvent, RegistryClientOptions, RequestTrace, Transport } from 'registry-api-v2-client';
import { startTestRegistry } from 'registry-api-v2-client/testing';

export async function main(options: RegistryClientOptions): Promise<string[]> {
  const registry = await startTestRegistry({ auth: 'bearer' });
  const client = new RegistryClient({ ...options, url: registry.url });
  const pushing = client.withEvents.push('app.tar', 'team/app:1.0');
  for await (const event of pushing) {
    const same: PushEvent = event;
    if (same.state === 'progress') console.log(same.blob.entry, same.sent);
  }
  const digest: string = (await pushing.result).digest;
  try {
    await client.deleteTag('team/app', digest);
  } catch (error) {
    const json: ErrorJson | undefined = error instanceof RegistryError ? error.toJSON() : undefined;
    console.log(json?.code);
  }
  return collect(client.listTags('team/app'));
}

export type Seen = [RequestTrace, Transport];
// @ts-expect-error -- concurrency is a number
export const wrong = new RegistryClient({ concurrency: 'many' });
`;

const JAVASCRIPT = `
// @ts-check
const { NotFoundError, RegistryClient } = require('registry-api-v2-client');

/** @param {import('registry-api-v2-client').RegistryClientOptions} options */
async function main(options) {
  const client = new RegistryClient(options);
  for await (const event of client.withEvents.push('app.tar', 'team/app:1.0')) {
    if (event.state === 'uploaded') console.log(event.descriptor.digest.toUpperCase());
  }
  /** @type {string[]} */
  const tags = [];
  for await (const tag of client.listTags('team/app')) tags.push(tag);
  // @ts-expect-error -- there is no such method
  client.pushh('app.tar');
  return new NotFoundError(tags.join(), { code: 'X' }).status?.toFixed();
}
module.exports = { main };
`;

describe('the types of the built package', () => {
  const folders = new TemporaryFolders();
  let consumer: LinkedConsumer;
  beforeAll(async () => {
    consumer = await LinkedConsumer.make(folders, 'module');
    await consumer.write('app.ts', TYPESCRIPT);
    await consumer.write('container.ts', `export { createContainer, TOKENS } from 'registry-api-v2-client/container';`);
    await consumer.write('app.cts', TYPESCRIPT);
    await consumer.write('app.cjs', JAVASCRIPT);
  });
  afterAll(() => folders.remove());

  it.each([
    ['a bundler', 'app.ts', { module: ModuleKind.ESNext, moduleResolution: BUNDLER, exactOptionalPropertyTypes: true }],
    ['Node 16', 'app.ts', { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 }],
    ['the latest Node', 'app.ts', { module: ModuleKind.NodeNext, exactOptionalPropertyTypes: true }],
    ['Node, where it becomes CommonJS', 'app.cts', { module: ModuleKind.NodeNext }],
    ['NestJS', 'app.ts', { module: ModuleKind.CommonJS, moduleResolution: BUNDLER, ...LEGACY }],
    ['a project with the types of browsers', 'app.ts', { module: ModuleKind.NodeNext, lib: WITH_DOM }],
  ])('are found and right the way of %s', (_, name, options) => {
    expect(consumer.check(name, options)).toEqual([]);
  });

  it('are those of the package alone; those of inversify come with its container', () => {
    const options = { module: ModuleKind.NodeNext };
    expect(consumer.filesBehind('app.ts', options)).toEqual([]);
    const behind = consumer.filesBehind('container.ts', options);
    expect(behind.length).toBeGreaterThan(0);
    expect(behind.filter((file) => !/inversif|reflect-metadata/.test(file))).toEqual([]);
    expect(consumer.check('container.ts', options)).toEqual([]);
  });

  it('are there in JavaScript, where an editor or checkJs looks for them', () => {
    expect(consumer.check('app.cjs', { module: ModuleKind.NodeNext })).toEqual([]);
  });
});
