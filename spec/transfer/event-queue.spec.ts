import { describe, expect, it } from '@jest/globals';
import { EventQueue } from '../../lib/transfer/event-queue.js';

type Event = { state: string; blob?: { entry: string }; descriptor?: { digest: string }; sent?: number };

const of = (entry: string, state: string, sent?: number): Event => ({
  state,
  blob: { entry },
  ...(sent !== undefined && { sent }),
});

function all(queue: EventQueue<Event>): Event[] {
  const taken: Event[] = [];
  for (let event = queue.take(); event; event = queue.take()) taken.push(event);
  return taken;
}

function queued(...events: Event[]): EventQueue<Event> {
  const queue = new EventQueue<Event>();
  for (const event of events) queue.add(event);
  return queue;
}

describe('EventQueue', () => {
  it('gives events in their order, then nothing', () => {
    const events = [{ state: 'planned' }, of('a', 'started'), { state: 'tagged' }];
    const queue = queued(...events);
    expect(all(queue)).toEqual(events);
    expect(queue.take()).toBeUndefined();
  });

  it('keeps of the counts of each blob the latest, in the place of the first', () => {
    const queue = queued(of('a', 'started'), of('a', 'progress', 1), of('b', 'progress', 5), of('a', 'progress', 2));
    expect(all(queue)).toEqual([of('a', 'started'), of('a', 'progress', 2), of('b', 'progress', 5)]);
  });

  it('knows the blob of a pull or a copy by its digest', () => {
    const count = (sent: number): Event => ({ state: 'progress', descriptor: { digest: 'sha256:a' }, sent });
    expect(all(queued(count(1), count(2)))).toEqual([count(2)]);
  });

  it('lets no counts pass a retry, or what is said of the blob in between', () => {
    const events = [of('a', 'progress', 9), of('a', 'retry'), of('a', 'progress', 1), of('a', 'uploaded')];
    expect(all(queued(...events))).toEqual(events);
  });

  it('loses no counts that come after others were taken', () => {
    const queue = queued(of('a', 'progress', 1));
    expect(queue.take()).toEqual(of('a', 'progress', 1));
    queue.add(of('a', 'progress', 2));
    expect(queue.take()).toEqual(of('a', 'progress', 2));
  });

  it('joins neither warnings nor counts of nothing', () => {
    const events = [{ state: 'warning' }, { state: 'warning' }, { state: 'progress' }, { state: 'progress' }];
    expect(all(queued(...events))).toEqual(events);
  });

  it('holds one event of a blob, however many thousand counts come', () => {
    const queue = new EventQueue<Event>();
    for (let sent = 0; sent < 10_000; sent++) queue.add(of(`layer-${sent % 3}`, 'progress', sent));
    expect(all(queue).map(({ sent }) => sent)).toEqual([9999, 9997, 9998]);
  });
});
