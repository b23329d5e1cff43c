import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BearerAuth } from '../../lib/embedded/bearer-auth.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { exchange } from '../../lib/embedded/http-exchange.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { digestOf } from '../../lib/oci/digest.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { imageTar } from '../../lib/testing/image-tar.js';
import { streamOf } from '../../lib/oci/byte-stream.js';
import { handles, leftOver, watchListeners } from './handles.js';
import { stopServers, TestServer, until } from './test-server.js';

/** After each the memory is measured. */
const ROUNDS = 5;

const MIB = 1024 * 1024;

/** Connections of one client to one host at most. */
const MAX_SOCKETS = 30;

/** @param blobs - how many small ones are pushed one by one */
export function describeLoad({ blobs }: { blobs: number }): void {
  describe('a client under load', () => underLoad(blobs));
  describe('a client that lives for a day', aDay);
}

function underLoad(blobs: number): void {
  let suspectedLeaks: () => string[];
  let before: Record<string, number>;
  let registry: EmbeddedRegistry;
  let server: TestServer;
  let client: RegistryClient;

  beforeEach(async () => {
    suspectedLeaks = watchListeners();
    before = await handles();
    registry = new EmbeddedRegistry();
    server = await TestServer.http((request, response) => exchange(registry, request, response));
    client = new RegistryClient({ url: server.url(), credentials: 'anonymous', cache: false });
  });

  afterEach(async () => {
    await client.close();
    await until(() => server.openSockets === 0, 'the client to close its connections');
    await stopServers();
    expect(await leftOver(before)).toEqual({});
    expect(suspectedLeaks()).toEqual([]);
  });

  it('makes 64 pushes at once over 30 connections, and leaves nothing on their signal', async () => {
    const { signal } = new AbortController();
    const names = Array.from({ length: 64 }, (_, index) => `team/app-${index % 8}:v${index}`);
    const shared = { 'usr/shared': 'shared '.repeat(10_000) };
    const push = (name: string) => client.push(imageTar({ layers: [shared, { name }] }), name, { signal });
    const pushed = await Promise.all(names.map(push));
    const stored = names.map(async (name) => registry.store.resolveTag(...(name.split(':') as [string, string])));
    expect(await Promise.all(stored)).toEqual(pushed.map(({ digest }) => digest));
    expect(server.sockets.length).toBeLessThanOrEqual(MAX_SOCKETS);
    await until(() => getEventListeners(signal, 'abort').length === 0, 'the last listener to go');
  }, 120_000);

  it(`sends ${blobs} small blobs over the same connections, in the same memory`, async () => {
    const { signal } = new AbortController();
    const push = async (index: number): Promise<void> => {
      const bytes = Buffer.from(`blob ${index}`);
      const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };
      const options = { signal, isNew: index % 2 === 0 };
      const { outcome } = await client.blobs.push('team/app', { descriptor, open: () => streamOf(bytes) }, options);
      expect(outcome).toBe('uploaded');
    };
    const used: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // Neither what the registry keeps nor what the server counts is the client's.
      registry = new EmbeddedRegistry();
      server.requests.length = 0;
      const indexes = Array.from({ length: blobs / ROUNDS }, (_, index) => index);
      await atOnce(64, indexes, push);
      used.push(usedMemory());
    }
    expect(server.sockets.length).toBeLessThanOrEqual(MAX_SOCKETS);
    await until(() => getEventListeners(signal, 'abort').length === 0, 'the last listener to go');
    // The first rounds also compile and warm up.
    expect(used.at(-1)! - used[1]!).toBeLessThan(3 * MIB);
  }, 120_000);
}

function aDay(): void {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  it('renews its token each time it ends, and keeps nothing of the old ones', async () => {
    const credentials = { username: 'test', password: 'test-password' };
    const guarded = new BearerAuth(new EmbeddedRegistry(), { credentials, tokenLifetime: 300 });
    let tokens = 0;
    const handler: typeof guarded.handle = (request) => {
      if (request.target.startsWith('/token')) tokens += 1;
      return guarded.handle(request);
    };
    const transport = new EmbeddedTransport({ handle: handler });
    const client = new RegistryClient({ url: 'http://registry.test', transport, credentials });
    const { signal } = new AbortController();
    let used = Infinity;
    // Two calls for each token of a day, and a push every hour.
    for (let call = 0; call < 24 * 12 * 2; call++) {
      if (call % 24 === 0) {
        await client.push(imageTar({ layers: [{ call: String(call) }] }), 'team/app:hourly', { signal });
        if (call === 24 * 4) used = usedMemory();
      } else await client.resolve('team/app', 'hourly', { signal });
      await jest.advanceTimersByTimeAsync(150_000);
    }
    expect(tokens).toBe(24 * 12);
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(usedMemory() - used).toBeLessThan(2 * MIB);
  }, 120_000);
}

async function atOnce<T>(count: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}

/** Bytes of what is still in use. */
function usedMemory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
