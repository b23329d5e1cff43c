import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Tally } from '../../../lib/cli/progress/tally.js';
import { formatClock, formatDuration, summaryOf } from '../../../lib/cli/progress/words.js';
import { ended, layer, planned, progress } from './events.js';

describe('Tally', () => {
  const [a, b] = [layer('a', 1000), layer('b', 3000)];
  let tally: Tally;
  beforeEach(() => {
    jest.useFakeTimers();
    tally = new Tally();
    tally.add(planned(2, 4000));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('says how fast it is, and how long it takes, by the last seconds and by what moved now', () => {
    tally.add(ended('exists', b));
    for (let i = 1; i <= 5; i++) {
      jest.advanceTimersByTime(1000);
      tally.add(progress(a, i * 100));
    }
    expect([tally.perSecond(), tally.left, tally.moved]).toEqual([100, 5, 3500]);
    jest.advanceTimersByTime(6000);
    expect(tally.perSecond()).toBe(25);
  });

  it('does not know before it has seen anything', () => {
    tally.add(progress(a, 500));
    expect([tally.perSecond(), tally.left]).toEqual([0, undefined]);
  });

  it('goes back with a blob that starts over, and counts what went over the network twice', () => {
    tally.add(progress(a, 800, 400));
    tally.add({ state: 'retry', blob: a });
    expect([tally.moved, tally.retries, tally.underWay.size]).toEqual([0, 1, 0]);
    tally.add(progress(a, 1000, 500));
    tally.add(ended('uploaded', a));
    expect([tally.moved, tally.passed.sent]).toEqual([1000, 900]);
  });

  it('counts a blob once that goes into two repositories', () => {
    tally.add(progress(a, 1000));
    tally.add(ended('uploaded', a));
    tally.add(progress(a, 500));
    tally.add(ended('uploaded', a));
    expect([tally.ended, tally.moved, tally.count('uploaded'), tally.underWay.size]).toEqual([1, 1000, 1, 0]);
  });

  it('follows a copy that takes bytes back without a word', () => {
    tally.add(progress(a, 800));
    tally.add(progress(a, 0));
    expect(tally.moved).toBe(0);
  });

  it('begins anew with a second plan', () => {
    tally.add(ended('uploaded', a));
    tally.add(planned(2, 4000));
    expect([tally.ended, tally.moved]).toEqual([0, 0]);
  });

  it('sums up what came of it', () => {
    jest.advanceTimersByTime(2000);
    tally.add(progress(a, 1000, 400));
    tally.add(ended('uploaded', a));
    tally.add(ended('exists', b));
    expect(summaryOf(tally)).toBe('1 uploaded, 1 already there; 1.0 kB in 2.0 s (500 B/s, 400 B on the network)');
  });

  it('names one amount where two would read the same', () => {
    jest.advanceTimersByTime(2000);
    const large = { ...a, size: 54_000_000 };
    tally.add(progress(large, 54_000_000, 54_000_300));
    tally.add(ended('uploaded', large));
    expect(summaryOf(tally)).toBe('1 uploaded; 54.0 MB in 2.0 s (27.0 MB/s)');
  });

  it('speaks of no speed where nothing moved', () => {
    tally.add(ended('mounted', b));
    expect(summaryOf(tally)).toBe('1 mounted, in 0.0 s');
    expect(summaryOf(new Tally())).toBe('no blobs, in 0.0 s');
  });
});

describe('times', () => {
  it.each([
    [0, '0:00'],
    [6.1, '0:07'],
    [750, '12:30'],
    [3723, '1:02:03'],
  ])('of %p seconds to go are %s', (seconds, text) => {
    expect(formatClock(seconds)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [59_600, '1 min 0 s'],
    [185_000, '3 min 5 s'],
  ])('of %p milliseconds that passed are %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
