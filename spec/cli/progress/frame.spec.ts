import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { frameOf, inkFor } from '../../../lib/cli/progress/frame.js';
import { Tally } from '../../../lib/cli/progress/tally.js';
import type { TransferEvent } from '../../../lib/cli/progress/transfer-event.js';
import { styleFor } from '../../../lib/cli/style.js';
import { ended, layer, planned, progress } from './events.js';

const MB = 1_000_000;

describe('frameOf', () => {
  let tally: Tally;
  beforeEach(() => {
    jest.useFakeTimers();
    tally = new Tally();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function add(...events: TransferEvent[]): void {
    for (const event of events) tally.add(event);
  }

  function frame(columns?: number, rows?: number, colour = ''): string[] {
    const screen = { ...(columns === undefined ? {} : { columns }), ...(rows === undefined ? {} : { rows }) };
    const style = styleFor({}, colour === '' ? {} : { FORCE_COLOR: colour });
    return frameOf('push', tally, screen, { full: '#', empty: '-' }, style);
  }

  function someWay(): void {
    const [a, b] = [layer('a', 20 * MB), layer('b', 10 * MB)];
    add(planned(4, 40 * MB), ended('exists', layer('c', 5 * MB)), ended('mounted', layer('d', 5 * MB)));
    jest.advanceTimersByTime(1000);
    add(progress(a, 5 * MB), progress(b, 5 * MB));
  }

  it('is all of it, what came of the blobs, and each blob under way', () => {
    someWay();
    expect(frame(80)).toEqual([
      'pushing       ########--------   50 %   20.0 MB/40.0 MB    10.0 MB/s   ETA 0:02',
      '2 of 4 blobs, 1 mounted, 1 already there',
      'aaaaaaaaaaaa  ####------------   25 %    5.0 MB/20.0 MB',
      'bbbbbbbbbbbb  ########--------   50 %    5.0 MB/10.0 MB',
    ]);
  });

  it('has longer bars where there is room', () => {
    someWay();
    const [total] = frame(120);
    expect(total).toMatch(/^pushing {7}#{20}-{20} {3}50 %/);
  });

  it('says in its second line what a narrow terminal has no room for', () => {
    someWay();
    expect(frame(40)).toEqual([
      'pushing       ###----   50 %   ETA 0:02',
      '20.0 MB/40.0 MB, 10.0 MB/s, 2 of 4 blo…',
      'aaaaaaaaaaaa  #------   25 %',
      'bbbbbbbbbbbb  ###----   50 %',
    ]);
  });

  it('leaves out bars, then the time, where there is hardly any room', () => {
    someWay();
    expect(frame(32)[0]).toBe('pushing        50 %   ETA 0:02');
    expect(frame(24)[0]).toBe('pushing        50 %');
  });

  it.each([1, 5, 12, 20, 33, 40, 55, 66, 80, 93, 120, 300])('is narrower than a terminal of %p columns', (columns) => {
    someWay();
    add(progress({ id: 1, name: 'n'.repeat(500), size: 999_900_000 }, 999_900_000));
    const widths = frame(columns).map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(1, columns - 1));
  });

  it('does not move its columns as numbers grow', () => {
    const a = layer('a', 900 * MB);
    add(planned(1, 900 * MB), progress(a, 0));
    const places = [0, 9, 99, 400, 900].map((done) => {
      add(progress(a, done * MB));
      jest.advanceTimersByTime(1000);
      return frame(80).map((line) => [line.indexOf('%'), line.indexOf('/')].join());
    });
    expect(new Set(places.map((lines) => lines[2])).size).toBe(1);
    expect(new Set(places.map((lines) => lines[0])).size).toBe(1);
  });

  it('has no more lines than fit, and says how many blobs it does not show', () => {
    const blobs = Array.from({ length: 30 }, (_, i) => ({ id: i, name: `layer${i}`, size: MB }));
    add(planned(30, 30 * MB), ...blobs.map((blob) => progress(blob, 1000)));
    expect([frame(80, 24).length, frame(80, 24).at(-1)]).toEqual([15, 'and 18 more']);
    expect([frame(80, 10).length, frame(80, 10).at(-1)]).toEqual([8, 'and 25 more']);
    expect([frame(80, 3).length, frame(80, 3).at(-1)]).toEqual([3, 'and 30 more']);
  });

  it('shows small blobs only when they take long', () => {
    add(planned(1, 500), progress(layer('a', 500), 100));
    expect(frame(80).slice(2)).toEqual(['and 1 more']);
    jest.advanceTimersByTime(1000);
    expect(frame(80).slice(2)).toEqual([expect.stringMatching(/^aaaaaaaaaaaa /)]);
  });

  it('knows no end of a stream before it is there', () => {
    jest.advanceTimersByTime(1000);
    add(progress(layer('a', 20 * MB), 5 * MB));
    const [total, note] = frame(80);
    expect(total).toBe('pushing         5.0 MB             5.0 MB/s');
    expect(note).toBe('0 blobs');
  });

  it('promises no time while nothing moves', () => {
    someWay();
    jest.advanceTimersByTime(9000);
    expect(frame(80)[0]).toMatch(/ 0 B\/s +ETA -:--$/);
  });

  it('tells of retries', () => {
    someWay();
    add({ state: 'retry', blob: layer('a', 20 * MB) });
    expect(frame(80)[1]).toBe('2 of 4 blobs, 1 mounted, 1 already there, 1 retry');
  });

  it.each([
    ['blobs/sha256/', 'aaaaaaaaaaaa '],
    ['sha256:', 'aaaaaaaaaaaa '],
  ])('names a blob in %s by the start of its digest', (prefix, name) => {
    add(planned(1, MB), progress({ id: 1, name: prefix + 'a'.repeat(64), size: MB }, 1));
    expect(frame(80)[2]!.startsWith(name)).toBe(true);
  });

  it('lets no name steer the terminal, or be wider than it counts', () => {
    add(planned(1, MB), progress({ id: 1, name: '\u001b[2J한글\n', size: MB }, 1));
    expect(frame(120)[2]).toMatch(/^\\u001b\[2J\?\?\\u000a /);
  });

  it('is faint where that is told beside it', () => {
    someWay();
    expect(frame(80, 24, '1')[1]).toBe('\u001b[2m2 of 4 blobs, 1 mounted, 1 already there\u001b[22m');
  });
});

describe('inkFor', () => {
  it.each([
    [{ LANG: 'C.UTF-8' }, '█'],
    [{ LANG: 'C', LC_ALL: 'en_US.utf8' }, '█'],
    [{ LC_ALL: 'C', LANG: 'en_US.utf8' }, '#'],
    [{ WT_SESSION: 'x' }, '█'],
    [{}, '#'],
  ])('of %p draws with %s', (env, full) => {
    expect(inkFor(env).full).toBe(full);
  });
});
