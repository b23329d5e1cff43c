import { afterEach, describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryClient } from '../../lib/registry-client.js';
import {
  BearerAuth,
  EmbeddedRegistry,
  imageTar,
  type RegistryHandler,
  type RegistryRequest,
  RegistryServer,
} from '../../lib/testing/index.js';
import { until } from '../support/test-server.js';

const credentials = { username: 'user', password: 'secret' };
const tar = imageTar({ layers: [{ big: Buffer.alloc(1_000_000, 'x') }] });

/** What becomes of a request of the phase: it gets no answer, or this status with this `Retry-After`. */
type Trouble = 'silence' | [status: number, retryAfter?: string];

/** A registry with a token server where one kind of request never succeeds. */
class Troubled implements RegistryHandler {
  readonly seen: string[] = [];
  isReached = false;
  private readonly inner = new BearerAuth(new EmbeddedRegistry(), { credentials });

  constructor(
    private readonly method: string,
    private readonly path: RegExp,
    private readonly trouble: Trouble,
  ) {}

  get opened(): string[] {
    return this.ids(/^(?:PATCH|PUT) /);
  }

  get deleted(): string[] {
    return this.ids(/^DELETE /);
  }

  async handle(request: RegistryRequest) {
    const { method, target, body } = request;
    this.seen.push(`${method} ${target}`);
    if (method !== this.method || !this.path.test(target)) return this.inner.handle(request);
    this.isReached = true;
    if (this.trouble === 'silence') return new Promise<never>(() => undefined);
    const [status, after] = this.trouble;
    body.resume();
    return { status, headers: after === undefined ? {} : { 'retry-after': after } };
  }

  private ids(start: RegExp): string[] {
    const ids = this.seen
      .filter((line) => start.test(line))
      .flatMap((line) => /uploads\/([0-9a-f-]+)/.exec(line)?.[1] ?? []);
    return [...new Set(ids)].sort();
  }
}

describe('a push that is given up', () => {
  let server: RegistryServer | undefined;
  let client: RegistryClient | undefined;

  afterEach(async () => {
    await client?.close();
    await server?.close(0);
  });

  const start = async (handler: RegistryHandler) => {
    server = await RegistryServer.start({ handler });
    client = new RegistryClient({ url: server.url, credentials, cache: false });
    return client;
  };
  const inputs: [string, () => Buffer | Readable][] = [
    ['of an archive', () => tar],
    ['of a stream', () => Readable.from([tar])],
  ];

  describe.each(inputs)('%s', (_, input) => {
    it.each<[string, string, RegExp, Trouble]>([
      ['while the token is asked for', 'GET', /^\/token/, 'silence'],
      ['while the token server is tried again', 'GET', /^\/token/, [503]],
      ['while the token server wants a pause', 'GET', /^\/token/, [429, '30']],
      ['while an upload is started', 'POST', /uploads/, 'silence'],
      ['while starting an upload is tried again', 'POST', /uploads/, [503]],
      ['while the registry wants a pause', 'POST', /uploads/, [429, '30']],
      ['while the last PUT is answered', 'PUT', /uploads/, 'silence'],
      ['while the registry wants a pause in the midst of uploads', 'PUT', /uploads/, [503, '30']],
      ['while the manifest is stored', 'PUT', /manifests/, 'silence'],
    ])('%s, ends at once, gives its uploads back, and sends nothing more', async (_, method, path, trouble) => {
      const registry = new Troubled(method, path, trouble);
      const abort = new AbortController();
      const pushing = (await start(registry)).push(input(), 'app:1', { signal: abort.signal });
      const settled = pushing.then(
        () => 'pushed',
        (reason: unknown) => reason,
      );
      await until(() => registry.isReached, 'the phase is reached');
      // So that a pause has begun.
      if (trouble !== 'silence') await sleep(50);
      const given = performance.now();
      abort.abort('enough');
      expect(await settled).toBe('enough');
      expect(performance.now() - given).toBeLessThan(2500);
      const { length } = registry.seen;
      if (!path.test('/manifests/')) expect(registry.deleted).toEqual(registry.opened);
      await sleep(trouble === 'silence' ? 20 : 400);
      expect(registry.seen.slice(length)).toEqual([]);
    });

    it('before it begins, sends nothing', async () => {
      const registry = new Troubled('NONE', /x/, 'silence');
      const pushing = (await start(registry)).push(input(), 'app:1', { signal: AbortSignal.abort('enough') });
      await expect(pushing).rejects.toBe('enough');
      expect(registry.seen).toEqual([]);
    });
  });
});
