import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { startTestRegistry } from '../../lib/testing/index.js';
import { TransferEvents, type TransferHooks } from '../../lib/transfer/transfer-events.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

type Event = { state: string; blob?: { entry: string }; sent?: number };

/** A transfer that does what the spec says, when it says it. */
function scripted(hooks: TransferHooks<Event> = {}) {
  let signal!: AbortSignal;
  let emit!: (event: Event) => void;
  let succeed!: (result: string) => void;
  let fail!: (error: unknown) => void;
  const events = new TransferEvents<Event, string>((given) => {
    ({ signal, onProgress: emit } = given);
    return new Promise((resolve, reject) => {
      [succeed, fail] = [resolve, reject];
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }, hooks);
  return { events, signal, emit, succeed, fail };
}

async function statesOf(events: AsyncIterable<Event>): Promise<string[]> {
  const states: string[] = [];
  for await (const { state } of events) states.push(state);
  return states;
}

describe('TransferEvents', () => {
  it('gives what happened before and while it is read, and ends with the transfer', async () => {
    const { events, emit, succeed } = scripted();
    emit({ state: 'planned' });
    const states = statesOf(events);
    await Promise.resolve();
    emit({ state: 'started' });
    emit({ state: 'uploaded' });
    succeed('done');
    expect(await states).toEqual(['planned', 'started', 'uploaded']);
    expect(await events.result).toBe('done');
  });

  it('gives the result to who asks for it and reads no event', async () => {
    const { events, emit, succeed } = scripted();
    emit({ state: 'planned' });
    succeed('done');
    expect(await events.result).toBe('done');
  });

  it('hands the result on to yield*', async () => {
    const { events, succeed } = scripted();
    async function* outer() {
      yield { state: `result ${String(yield* events)}` };
    }
    succeed('done');
    expect(await statesOf(outer())).toEqual(['result done']);
  });

  it('wakes all who wait, each with an event of its own', async () => {
    const { events, emit, succeed } = scripted();
    const [first, second, third] = [events.next(), events.next(), events.next()];
    emit({ state: 'a' });
    emit({ state: 'b' });
    succeed('done');
    expect([await first, await second, await third].map(({ value }) => value as unknown)).toEqual([
      { state: 'a' },
      { state: 'b' },
      'done',
    ]);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('does not make the transfer wait for a slow reader, who gets the latest counts and misses nothing else', async () => {
    const { events, emit, succeed } = scripted();
    const blob = { entry: 'layer' };
    const seen: Event[] = [];
    emit({ state: 'started', blob });
    for await (const event of events) {
      seen.push(event);
      if (event.state !== 'started') continue;
      for (let sent = 1; sent <= 1000; sent++) emit({ state: 'progress', blob, sent });
      emit({ state: 'uploaded', blob });
      succeed('done');
    }
    expect(seen).toEqual([
      { state: 'started', blob },
      { state: 'progress', blob, sent: 1000 },
      { state: 'uploaded', blob },
    ]);
  });

  it('calls the onProgress of the options, too, at once', () => {
    const heard: Event[] = [];
    const { emit } = scripted({ onProgress: (event) => heard.push(event) });
    emit({ state: 'planned' });
    expect(heard).toEqual([{ state: 'planned' }]);
  });

  describe('when the transfer fails', () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    afterEach(() => {
      process.off('unhandledRejection', note);
      unhandled.length = 0;
    });

    it('throws it in the loop, after the last event, and only there', async () => {
      process.on('unhandledRejection', note);
      const { events, emit, fail } = scripted();
      const states: string[] = [];
      emit({ state: 'planned' });
      fail(new Error('broken'));
      await expect(
        (async () => {
          for await (const { state } of events) states.push(state);
        })(),
      ).rejects.toThrow('broken');
      expect(states).toEqual(['planned']);
      await expect(events.result).rejects.toThrow('broken');
      expect(await events.next()).toEqual({ done: true, value: undefined });
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    });

    it('is stopped by the signal of the options, whose reason the loop throws', async () => {
      const caller = new AbortController();
      const { events, signal } = scripted({ signal: caller.signal });
      caller.abort(new Error('enough'));
      expect(signal.aborted).toBe(true);
      await expect(events.next()).rejects.toThrow('enough');
    });
  });

  describe('when the loop is left', () => {
    it('aborts the transfer, waits until it has ended, and throws nothing', async () => {
      let ended = false;
      const events = new TransferEvents<Event, string>(async ({ signal, onProgress }) => {
        onProgress({ state: 'planned' });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await new Promise(setImmediate);
        ended = true;
        throw signal.reason;
      }, {});
      for await (const event of events) if (event.state === 'planned') break;
      expect(ended).toBe(true);
      await expect(events.result).rejects.toMatchObject({ name: 'AbortError' });
      expect(await statesOf(events)).toEqual([]);
    });

    it('does not wait for an event that never comes', async () => {
      const { events, signal } = scripted();
      const waiting = events.next();
      await events.return();
      expect(signal.aborted).toBe(true);
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    it('keeps no events any more', async () => {
      const { events, emit } = scripted();
      await events.return();
      emit({ state: 'late' });
      expect(await events.next()).toEqual({ done: true, value: undefined });
    });

    it('lets a result stand that is there already', async () => {
      const { events, succeed } = scripted();
      succeed('done');
      await events.result;
      await events.return();
      expect(await events.result).toBe('done');
    });

    it('is what await using and an error of the loop do', async () => {
      const first = scripted();
      {
        await using events = first.events;
        expect(events.result).toBeInstanceOf(Promise);
      }
      expect(first.signal.aborted).toBe(true);
      const second = scripted();
      second.emit({ state: 'planned' });
      await expect(
        (async () => {
          for await (const { state } of second.events) throw new Error(state);
        })(),
      ).rejects.toThrow('planned');
      expect(second.signal.aborted).toBe(true);
      await expect(scripted().events.throw(new Error('mine'))).rejects.toThrow('mine');
    });
  });
});

const FIXTURE = 'spec/fixtures/docker-26-multi-tag.tar';

describe('RegistryClient', () => {
  describe('withEvents', () => {
    const folders = new TemporaryFolders();
    afterEach(() => folders.remove());
    const made = () => new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });

    it('pushes with the events and the result of a push', async () => {
      await using client = made();
      const pushing = client.withEvents.push(FIXTURE, 'team/app:1.0', { concurrency: 1 });
      const states = await statesOf(pushing);
      expect(states[0]).toBe('planned');
      expect(states.at(-1)).toBe('tagged');
      expect(states).toContain('uploaded');
      const { digest, blobs } = await pushing.result;
      expect(states.filter((state) => state === 'uploaded')).toHaveLength(blobs.uploaded);
      expect((await client.resolve('team/app', '1.0'))?.digest).toBe(digest);
    });

    it('pushes every original tag, pulls and copies the same way', async () => {
      await using client = made();
      const original = client.withEvents.pushOriginalTags(FIXTURE);
      expect(await statesOf(original)).toContain('tagged');
      const [{ reference } = { reference: '' }] = await original.result;
      const name = reference.replace(/^[^/]*\//, '').replace(/@.*/, '');

      const pulling = client.withEvents.pull(name, join(await folders.make(), 'app.tar'));
      expect(await statesOf(pulling)).toEqual(expect.arrayContaining(['planned', 'started', 'progress', 'fetched']));
      expect((await pulling.result).bytesReceived).toBeGreaterThan(0);

      const copying = client.withEvents.copy(name, 'mirror/app:1.0');
      expect((await statesOf(copying)).at(-1)).toBe('tagged');
      expect((await copying.result).blobs.mounted).toBeGreaterThan(0);
    });

    it('goes through the methods of a subclass', async () => {
      class Refusing extends RegistryClient {
        override push(): Promise<never> {
          return Promise.reject(new Error('not from here'));
        }
      }
      await expect(new Refusing().withEvents.push(FIXTURE, 'team/app:1.0').result).rejects.toThrow('not from here');
    });

    it('rejects what is wrong with the arguments where the events are read', async () => {
      await using client = made();
      await expect(client.withEvents.push(FIXTURE, 'UPPER').next()).rejects.toMatchObject({
        name: 'InvalidArgumentError',
      });
    });

    it('ends a push that stands still when the loop is left, and tags nothing', async () => {
      await using registry = await startTestRegistry({ faults: [{ on: 'PUT', delayMs: 60_000, times: Infinity }] });
      const client = registry.client();
      for await (const event of client.withEvents.push(FIXTURE, 'team/app:1.0')) {
        if (event.state === 'started') break;
      }
      expect(await client.resolve('team/app', '1.0')).toBeUndefined();
    });
  });
});
