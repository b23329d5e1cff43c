import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createContainer, TOKENS } from '../../lib/container.js';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { digestOf } from '../../lib/oci/digest.js';
import type { BlobService } from '../../lib/services/blob-service.js';
import type { Transport } from '../../lib/transport/transport.js';
import { reset, stopServers, TestServer, until } from '../support/test-server.js';

const CONTENT = randomBytes(3 * 1024 * 1024);
const DIGEST = digestOf(CONTENT);
const descriptor = { mediaType: 'application/octet-stream', digest: DIGEST, size: CONTENT.length };
const open = () => Readable.from([CONTENT.subarray(0, 1024 * 1024), CONTENT.subarray(1024 * 1024)]);

/** A connection between client and registry, and what the client sent on it so far. */
interface Wire {
  client: Socket;
  registry: Socket;
  sent: string;
}

/** Everything together, over sockets that break: a whole client, a whole registry, and trouble in between. */
describe('a push', () => {
  let registry: RegistryServer;
  let transport: Transport | undefined;

  beforeEach(async () => {
    registry = await RegistryServer.start();
  });

  afterEach(async () => {
    await transport?.close?.();
    await stopServers();
    await registry.close(0);
  });

  /** A client that reaches the registry through a wire on which `onSent` and `onAnswered` may cut. */
  const clientThrough = async (trouble: {
    onSent?: (wire: Wire) => boolean;
    onAnswered?: (wire: Wire, answer: string) => boolean;
  }) => {
    const wireServer = await TestServer.tcp((client) => {
      const wire: Wire = { client, registry: connect(registry.port, '127.0.0.1'), sent: '' };
      const cut = (): void => {
        reset(client);
        wire.registry.destroy();
      };
      client.on('data', (data) => {
        const start = /^[A-Z]+ \S+/.exec(data.toString('latin1'))?.[0];
        wire.sent = start ?? wire.sent;
        if (trouble.onSent?.(wire)) cut();
        else wire.registry.write(data);
      });
      wire.registry.on('error', () => undefined).on('close', () => client.destroy());
      wire.registry.on('data', (data) => {
        if (trouble.onAnswered?.(wire, data.toString('latin1'))) cut();
        else client.write(data);
      });
      client.on('close', () => wire.registry.destroy());
    });
    const container = createContainer({ url: wireServer.url(), credentials: 'anonymous', retry: { baseDelay: 10 } });
    transport = container.get<Transport>(TOKENS.Transport);
    return container.get<BlobService>(TOKENS.BlobService);
  };

  /** True once, at the given time that the condition holds. */
  const once = (condition: (wire: Wire) => boolean, time = 1) => {
    let count = 0;
    return (wire: Wire): boolean => condition(wire) && ++count === time;
  };
  const ways: [string, (blobs: BlobService) => ReturnType<BlobService['push']>][] = [
    ['in one PUT', (blobs) => blobs.push('app', { descriptor, open })],
    ['as a stream', (blobs) => blobs.pushStream('app', { mediaType: descriptor.mediaType, open })],
  ];
  const isStored = async (blobs: BlobService) => {
    const stored = await buffer(await blobs.fetch('app', descriptor));
    expect(stored.equals(CONTENT)).toBe(true);
  };

  describe.each(ways)('%s', (way, push) => {
    const body = way === 'in one PUT' ? /^PUT / : /^PATCH /;

    it('survives a wire that is cut in the middle of the body', async () => {
      const blobs = await clientThrough({ onSent: once(({ sent }) => body.test(sent), 5) });
      const pushed = await push(blobs);
      expect(pushed).toMatchObject({ descriptor, outcome: 'uploaded' });
      expect(pushed.bytesSent).toBeGreaterThan(CONTENT.length);
      await isStored(blobs);
    });

    it('survives a wire that is cut before the last answer, and sends nothing twice', async () => {
      const blobs = await clientThrough({ onAnswered: once(({ sent }) => sent.startsWith('PUT ')) });
      const pushed = await push(blobs);
      expect(pushed).toEqual({ descriptor, outcome: 'uploaded', bytesSent: CONTENT.length });
      await isStored(blobs);
    });

    it('survives a wire that is cut before the first answer', async () => {
      const blobs = await clientThrough({ onAnswered: once(({ sent }) => sent.startsWith('POST ')) });
      await expect(push(blobs)).resolves.toMatchObject({ outcome: 'uploaded', bytesSent: CONTENT.length });
      await isStored(blobs);
    });

    it('survives a registry that starts anew and remembers nothing', async () => {
      const { port } = registry;
      let restarted: Promise<void> | undefined;
      const restart = async (): Promise<void> => {
        await registry.close(0);
        registry = await RegistryServer.start({ port });
      };
      const blobs = await clientThrough({
        onSent: once(({ sent }) => {
          const isNow = body.test(sent);
          if (isNow) restarted ??= restart();
          return isNow;
        }, 3),
      });
      await expect(push(blobs)).resolves.toMatchObject({ outcome: 'uploaded' });
      await restarted;
      await isStored(blobs);
    });

    it('that is given up leaves no session behind', async () => {
      const abort = new AbortController();
      const seen: string[] = [];
      const blobs = await clientThrough({
        onSent: ({ sent }) => {
          if (seen.at(-1) !== sent) seen.push(sent);
          if (body.test(sent)) abort.abort('enough');
          return false;
        },
      });
      const stuck = async function* () {
        yield CONTENT.subarray(0, 1024 * 1024);
        await new Promise(() => undefined);
      };
      const signal = abort.signal;
      const stream = () => Readable.from(stuck());
      const pushing =
        way === 'in one PUT'
          ? blobs.push('app', { descriptor, open: stream }, { signal })
          : blobs.pushStream('app', { mediaType: 'x', open: stream }, { signal });
      await expect(pushing).rejects.toBe('enough');
      await until(() => seen.some((line) => line.startsWith('DELETE ')), 'the session is deleted');
    });
  });
});
