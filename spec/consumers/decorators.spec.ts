import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { LinkedConsumer } from '../support/linked-consumer.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const IMPORTS = `
import { BlobService, RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';
`;

/** Injects by the types of constructors, as NestJS does: decorators of old, and what the compiler notes of them. */
const BY_TYPE = `
import 'reflect-metadata';
${IMPORTS}
type Class<T> = new (...parts: any[]) => T;
const Injectable = (): ClassDecorator => () => undefined;
const factories = new Map<unknown, () => unknown>();
const made = new Map<unknown, unknown>();

function get<T>(wanted: Class<T>): T {
  const types: Class<unknown>[] = Reflect.getMetadata('design:paramtypes', wanted) ?? [];
  if (!made.has(wanted)) made.set(wanted, factories.get(wanted)?.() ?? new wanted(...types.map(get)));
  return made.get(wanted) as T;
}

@Injectable()
class Registry extends RegistryClient {
  constructor() {
    super({ url: 'http://registry.test', transport: new EmbeddedTransport() });
  }
}

@Injectable()
class Audit {
  constructor(readonly blobs: BlobService) {}
}

@Injectable()
class Releases {
  constructor(readonly client: RegistryClient, readonly own: Registry, readonly audit: Audit) {}
}

factories.set(RegistryClient, () => get(Registry));
factories.set(BlobService, () => get(RegistryClient).blobs);
`;

/** The decorators of the language: they know no types, so a class says what it wants. */
const BY_NAME = `
${IMPORTS}
type Class<T> = new (...parts: any[]) => T;
const wishes = new Map<unknown, Class<unknown>[]>();
const made = new Map<unknown, unknown>();
const Injectable = (...wants: Class<any>[]) => <C extends Class<any>>(target: C, _: ClassDecoratorContext<C>): void => {
  wishes.set(target, wants);
};

function get<T>(wanted: Class<T>): T {
  if (!made.has(wanted)) made.set(wanted, new wanted(...(wishes.get(wanted) ?? []).map(get)));
  return made.get(wanted) as T;
}

@Injectable()
class Registry extends RegistryClient {
  constructor() {
    super({ url: 'http://registry.test', transport: new EmbeddedTransport() });
  }
}

made.set(RegistryClient, get(Registry));
made.set(BlobService, get(RegistryClient).blobs);

@Injectable(BlobService)
class Audit {
  constructor(readonly blobs: BlobService) {}
}

@Injectable(RegistryClient, Registry, Audit)
class Releases {
  constructor(readonly client: RegistryClient, readonly own: Registry, readonly audit: Audit) {}
}
`;

const USE = `
const { client, own, audit } = get(Releases);
void client.checkConnectivity().then((isThere) => {
  console.log(isThere, client === own, client instanceof RegistryClient, audit.blobs === client.blobs, audit.blobs instanceof BlobService);
});
`;

const LEGACY = { experimentalDecorators: true, emitDecoratorMetadata: true };
const NODE = { module: ts.ModuleKind.NodeNext };
const OF_OLD = { module: ts.ModuleKind.CommonJS };

describe('the built package in an app that injects by decorators', () => {
  const folders = new TemporaryFolders();
  let consumer: LinkedConsumer;
  beforeAll(async () => {
    consumer = await LinkedConsumer.make(folders, 'module');
  });
  afterAll(() => folders.remove());

  it.each([
    ['types, as CommonJS', 'app.cjs', BY_TYPE, { ...LEGACY, ...NODE }],
    ['types, as CommonJS of old', 'old.cjs', BY_TYPE, { ...LEGACY, ...OF_OLD }],
    ['types, as a module', 'app.mjs', BY_TYPE, { ...LEGACY, ...NODE }],
    ['names, as CommonJS', 'names.cjs', BY_NAME, NODE],
    ['names, as a module', 'names.mjs', BY_NAME, NODE],
  ])('is injected by %s', async (_, name, source, options) => {
    const ran = await consumer.transpile(name, source + USE, options);
    expect(ran).toMatchObject({ code: 0, stdout: 'true true true true true\n', stderr: '' });
  });
});
