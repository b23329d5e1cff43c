import { beforeEach, describe, expect, it } from '@jest/globals';
import { ofPull } from '../../../lib/cli/progress/pull-progress.js';
import { PlainView } from '../../../lib/cli/progress/plain-view.js';
import { styleFor } from '../../../lib/cli/style.js';
import type { PullEvent } from '../../../lib/index.js';

/** A pull as plain lines. */
class PullProgress {
  private readonly view: PlainView;

  constructor(line: (text: string) => void, interval?: number) {
    this.view = new PlainView('pull', line, styleFor({}, {}), interval);
  }

  report(event: PullEvent): void {
    this.view.report(ofPull(event));
  }
}

const descriptor = { mediaType: 'layer', digest: `sha256:${'a'.repeat(64)}`, size: 2000 };
const other = { mediaType: 'config', digest: `sha256:${'b'.repeat(64)}`, size: 1000 };

describe('a pull as plain lines', () => {
  let lines: string[];
  let progress: PullProgress;
  beforeEach(() => {
    lines = [];
    progress = new PullProgress((line) => lines.push(line), 0);
    progress.report({ state: 'planned', blobs: 2, bytes: 3000 });
  });

  it('says what is planned, and each blob as it is there', () => {
    progress.report({ state: 'started', descriptor });
    progress.report({ state: 'fetched', descriptor });
    progress.report({ state: 'fetched', descriptor: other });
    expect(lines).toEqual([
      'pulling 2 blobs, 3.0 kB',
      '[1/2] pulled sha256:aaaaaaaaaaaa (2.0 kB)',
      '[2/2] pulled sha256:bbbbbbbbbbbb (1.0 kB)',
    ]);
  });

  it('sums what has arrived of all blobs, and goes back with one that starts over', () => {
    progress.report({ state: 'progress', descriptor, received: 500 });
    progress.report({ state: 'fetched', descriptor: other });
    progress.report({ state: 'progress', descriptor, received: 800 });
    progress.report({ state: 'retry', descriptor });
    progress.report({ state: 'progress', descriptor, received: 200 });
    expect(lines.slice(1)).toEqual([
      '500 B of 3.0 kB (16 %)',
      '[1/2] pulled sha256:bbbbbbbbbbbb (1.0 kB)',
      '1.8 kB of 3.0 kB (60 %)',
      'retrying sha256:aaaaaaaaaaaa',
      '1.2 kB of 3.0 kB (40 %)',
    ]);
  });

  it('is silent about bytes for five seconds', () => {
    const told: string[] = [];
    new PullProgress((line) => told.push(line)).report({ state: 'progress', descriptor, received: 500 });
    expect(told).toEqual([]);
  });
});
