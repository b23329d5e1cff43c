import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PlainView } from '../../../lib/cli/progress/plain-view.js';
import { ofPush } from '../../../lib/cli/progress/push-progress.js';
import { styleFor } from '../../../lib/cli/style.js';
import type { PushEvent } from '../../../lib/index.js';

/** A push as plain lines. */
class PushProgress {
  private readonly view: PlainView;

  constructor(line: (text: string) => void, interval?: number) {
    this.view = new PlainView('push', line, styleFor({}, {}), interval);
  }

  report(event: PushEvent): void {
    this.view.report(ofPush(event));
  }
}

const blob = { entry: `${'a'.repeat(64)}/layer.tar`, size: 2000 };
const other = { entry: 'config.json', size: 1000 };

function descriptor(size: number) {
  return { mediaType: 'layer', digest: `sha256:${'b'.repeat(64)}`, size };
}

describe('a push as plain lines', () => {
  let lines: string[];
  let progress: PushProgress;
  beforeEach(() => {
    lines = [];
    progress = new PushProgress((line) => lines.push(line));
    progress.report({ state: 'planned', blobs: 2, bytes: 3000 });
  });

  it('says what is planned', () => {
    expect(lines).toEqual(['pushing 2 blobs, 3.0 kB']);
  });

  it.each([
    ['exists', 'already there'],
    ['mounted', 'mounted'],
    ['uploaded', 'uploaded'],
  ] as const)('says of a blob that it %s', (state, words) => {
    progress.report({ state: 'started', blob });
    progress.report({ state, blob, repository: 'team/app', descriptor: descriptor(2000) });
    expect(lines.slice(1)).toEqual([`[1/2] ${words} aaaaaaaaaaaa/layer.tar (2.0 kB) in team/app`]);
  });

  it('says what compression made of it', () => {
    progress.report({ state: 'uploaded', blob, repository: 'app', descriptor: descriptor(700) });
    expect(lines.at(-1)).toContain('(2.0 kB as 700 B)');
  });

  it('names one size where two would read the same', () => {
    progress.report({ state: 'uploaded', blob, repository: 'app', descriptor: descriptor(2040) });
    expect(lines.at(-1)).toContain('(2.0 kB)');
  });

  it('counts a blob once, into however many repositories it goes', () => {
    for (const repository of ['a', 'b']) {
      progress.report({ state: 'uploaded', blob, repository, descriptor: descriptor(700) });
    }
    progress.report({ state: 'exists', blob: other, repository: 'a', descriptor: descriptor(1000) });
    expect(lines.slice(1).map((line) => line.slice(0, 5))).toEqual(['[1/2]', '[1/2]', '[2/2]']);
  });

  it('counts from the start when all is done once more', () => {
    progress.report({ state: 'uploaded', blob, repository: 'app', descriptor: descriptor(700) });
    progress.report({ state: 'uploaded', blob: other, repository: 'app', descriptor: descriptor(700) });
    progress.report({ state: 'warning', message: 'all blobs are looked for anew' });
    progress.report({ state: 'planned', blobs: 2, bytes: 3000 });
    progress.report({ state: 'exists', blob: { ...blob }, repository: 'app', descriptor: descriptor(700) });
    expect(lines.slice(-2)).toEqual(['pushing 2 blobs, 3.0 kB', expect.stringMatching(/^\[1\/2\] already there/)]);
  });

  describe('of a stream, whose plan comes last', () => {
    beforeEach(() => {
      lines = [];
      progress = new PushProgress((line) => lines.push(line), 0);
    });

    it('counts without saying of how many, until that is known', () => {
      progress.report({ state: 'progress', blob, read: 500, sent: 0 });
      progress.report({ state: 'uploaded', blob, repository: 'app', descriptor: descriptor(700) });
      progress.report({ state: 'planned', blobs: 2, bytes: 3000 });
      progress.report({ state: 'uploaded', blob: other, repository: 'app', descriptor: descriptor(1000) });
      expect(lines.map((line) => line.split(' ')[0])).toEqual(['500', '[1]', 'pushing', '[2/2]']);
    });

    it('never says that more was done than there is, when the archive needed less than was sent', () => {
      progress.report({ state: 'uploaded', blob, repository: 'app', descriptor: descriptor(700) });
      progress.report({ state: 'planned', blobs: 1, bytes: 1000 });
      progress.report({ state: 'progress', blob: other, read: 500, sent: 0 });
      progress.report({ state: 'uploaded', blob: other, repository: 'app', descriptor: descriptor(1000) });
      expect(lines.slice(2)).toEqual(['2.5 kB of 1.0 kB (100 %)', expect.stringMatching(/^\[2\/2\] uploaded/)]);
    });
  });

  it('names each tag', () => {
    progress.report({ state: 'tagged', reference: 'localhost:5000/app:1', digest: descriptor(1).digest });
    expect(lines.at(-1)).toBe('tagged localhost:5000/app:1');
  });

  it('says when a blob starts over', () => {
    progress.report({ state: 'retry', blob });
    expect(lines.at(-1)).toBe('retrying aaaaaaaaaaaa/layer.tar');
  });

  it('lets no text of the archive steer the terminal', () => {
    const hostile = { entry: '\u001b[2J\u202egnp.exe\nlayer.tar', size: 1 };
    progress.report({ state: 'uploaded', blob: hostile, repository: 'app', descriptor: descriptor(1) });
    progress.report({ state: 'retry', blob: hostile });
    progress.report({ state: 'warning', message: 'not pushed: linux/\u009b31mevil' });
    const escaped = '\\u001b[2J\\u202egnp.exe\\u000alayer.tar';
    expect(lines.slice(1)).toEqual([
      `[1/2] uploaded ${escaped} (1 B) in app`,
      `retrying ${escaped}`,
      'warning: not pushed: linux/\\u009b31mevil',
    ]);
  });

  it('bounds what a warning may say', () => {
    progress.report({ state: 'warning', message: 'x'.repeat(1_000_000) });
    expect(lines.at(-1)!.length).toBeLessThan(5000);
  });

  describe('how far it is', () => {
    it('is said no more often than every five seconds', () => {
      jest.useFakeTimers({ doNotFake: ['nextTick'] });
      const told: string[] = [];
      const timed = new PushProgress((line) => told.push(line));
      timed.report({ state: 'planned', blobs: 2, bytes: 3000 });
      for (let second = 1; second <= 11; second++) {
        jest.advanceTimersByTime(1000);
        timed.report({ state: 'progress', blob, read: second * 100, sent: 0 });
      }
      jest.useRealTimers();
      expect(told.slice(1)).toEqual([
        '500 B of 3.0 kB (16 %), 100 B/s, 0:25 left',
        '1.0 kB of 3.0 kB (33 %), 100 B/s, 0:20 left',
      ]);
    });

    it('is summed over all blobs, those that ended in full', () => {
      const eager = new PushProgress((line) => lines.push(line), 0);
      eager.report({ state: 'planned', blobs: 2, bytes: 3000 });
      eager.report({ state: 'exists', blob: other, repository: 'app', descriptor: descriptor(1000) });
      eager.report({ state: 'progress', blob, read: 500, sent: 0 });
      expect(lines.at(-1)).toBe('1.5 kB of 3.0 kB (50 %)');
    });

    it('goes back with a blob that starts over, and is never more than everything', () => {
      const eager = new PushProgress((line) => lines.push(line), 0);
      eager.report({ state: 'planned', blobs: 2, bytes: 3000 });
      eager.report({ state: 'progress', blob, read: 4000, sent: 0 });
      expect(lines.at(-1)).toBe('2.0 kB of 3.0 kB (66 %)');
      eager.report({ state: 'retry', blob });
      eager.report({ state: 'progress', blob: other, read: 300, sent: 0 });
      expect(lines.at(-1)).toBe('300 B of 3.0 kB (10 %)');
    });

    it('is all of it when there is nothing to read', () => {
      const eager = new PushProgress((line) => lines.push(line), 0);
      eager.report({ state: 'planned', blobs: 1, bytes: 0 });
      eager.report({ state: 'progress', blob: { entry: 'empty', size: 0 }, read: 0, sent: 20 });
      expect(lines.at(-1)).toBe('0 B of 0 B (100 %)');
    });
  });
});
