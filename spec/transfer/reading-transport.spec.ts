import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { AuthenticationError, RegistryError } from '../../lib/errors.js';
import { ReadingTransport } from '../../lib/transfer/reading-transport.js';
import type { Transport, TransportRequest, TransportResponse } from '../../lib/transport/transport.js';
import { until } from '../support/test-server.js';

const BASE = new URL('http://registry.test/');
const SCOPES = ['repository:team/app:pull,push', 'repository:team/base:pull'];

function requestOf(method: string, path = 'v2/team/app/blobs/x', scopes: readonly string[] = SCOPES): TransportRequest {
  return { method, url: new URL(path, BASE), headers: {}, scopes };
}

/** Answers with a status, or throws what `answer` gives, and keeps what it was sent. */
function transportOf(
  answer: (request: TransportRequest) => number | Error,
  bodyOf = (): Readable => Readable.from([]),
): Transport & { sent: TransportRequest[] } {
  const sent: TransportRequest[] = [];
  return {
    sent,
    send: (request): Promise<TransportResponse> => {
      sent.push(request);
      const status = answer(request);
      if (typeof status !== 'number') return Promise.reject(status);
      return Promise.resolve({ status, url: request.url, headers: {}, body: bodyOf() });
    },
  };
}

const isPing = ({ url }: TransportRequest): boolean => url.pathname === '/v2/';

describe('ReadingTransport', () => {
  it.each(['GET', 'HEAD'])('lets %s through with the right to read only, and counts it', async (method) => {
    const inner = transportOf(() => 200);
    const reading = new ReadingTransport(inner, BASE);
    expect((await reading.send(requestOf(method))).status).toBe(200);
    expect(inner.sent[0]!.scopes).toEqual(['repository:team/app:pull', 'repository:team/base:pull']);
    expect(reading.count).toBe(1);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'post'])('never sends %s', async (method) => {
    const inner = transportOf(() => 200);
    const sending = new ReadingTransport(inner, BASE).send(requestOf(method));
    await expect(sending).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(inner.sent).toEqual([]);
  });

  describe('when a repository is refused', () => {
    const refusals = [401, new AuthenticationError('no token', { code: 'DENIED', status: 403 })];

    it.each(refusals)('takes it as empty where the registry lets us in (%s)', async (refusal) => {
      const inner = transportOf((request) => (isPing(request) ? 200 : refusal));
      const reading = new ReadingTransport(inner, BASE);
      expect((await reading.send(requestOf('HEAD'))).status).toBe(404);
      expect((await reading.send(requestOf('HEAD'))).status).toBe(404);
      expect([...reading.refused]).toEqual(['team/app', 'team/base']);
      expect(reading.count).toBe(2);
      expect(inner.sent.filter(isPing)).toHaveLength(1);
    });

    it.each([401, new RegistryError('gone', { code: 'ECONNREFUSED' })])(
      'says so where it does not let us in at all (%s)',
      async (refusal) => {
        const inner = transportOf((request) => (isPing(request) ? refusal : 401));
        const reading = new ReadingTransport(inner, BASE);
        expect((await reading.send(requestOf('HEAD'))).status).toBe(401);
        expect([...reading.refused]).toEqual([]);
      },
    );

    it('reads no long answer to its end', async () => {
      const bodies: Readable[] = [];
      const long = (): Readable => {
        bodies.push(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(16 * 1024))));
        return bodies.at(-1)!;
      };
      const inner = transportOf((request) => (isPing(request) ? 200 : 401), long);
      await new ReadingTransport(inner, BASE).send(requestOf('GET'));
      await until(() => bodies.every((body) => body.destroyed), 'both answers to be let go');
      expect(bodies.map((body) => body.readableEnded)).toEqual([false, false]);
    });

    it('throws what asking for a token ended with where that is so everywhere', async () => {
      const refusal = new AuthenticationError('wrong password', { code: 'UNAUTHORIZED', status: 401 });
      const reading = new ReadingTransport(
        transportOf(() => refusal),
        BASE,
      );
      await expect(reading.send(requestOf('GET'))).rejects.toBe(refusal);
    });

    it('leaves other refusals to whoever asked', async () => {
      const reading = new ReadingTransport(
        transportOf(() => 403),
        BASE,
      );
      expect((await reading.send(requestOf('HEAD'))).status).toBe(403);
    });
  });
});
