import { beforeEach, describe, expect, it } from '@jest/globals';
import { ofCopy } from '../../../lib/cli/progress/copy-progress.js';
import { PlainView } from '../../../lib/cli/progress/plain-view.js';
import { styleFor } from '../../../lib/cli/style.js';
import type { CopyEvent } from '../../../lib/index.js';

/** A copy as plain lines. */
class CopyProgress {
  private readonly view: PlainView;

  constructor(line: (text: string) => void, interval?: number) {
    this.view = new PlainView('copy', line, styleFor({}, {}), interval);
  }

  report(event: CopyEvent): void {
    this.view.report(ofCopy(event));
  }
}

const descriptor = { mediaType: 'layer', digest: `sha256:${'a'.repeat(64)}`, size: 2000 };
const other = { mediaType: 'config', digest: `sha256:${'b'.repeat(64)}`, size: 1000 };

describe('a copy as plain lines', () => {
  let lines: string[];
  let progress: CopyProgress;
  beforeEach(() => {
    lines = [];
    progress = new CopyProgress((line) => lines.push(line), 0);
    progress.report({ state: 'planned', blobs: 1, bytes: 3000 });
  });

  it('says what is planned', () => {
    expect(lines).toEqual(['copying 1 blob, 3.0 kB']);
  });

  it.each([
    ['exists', 'already there'],
    ['mounted', 'mounted'],
    ['uploaded', 'uploaded'],
  ] as const)('says of a blob that it %s', (state, words) => {
    progress.report({ state, descriptor });
    expect(lines.at(-1)).toBe(`[1/1] ${words} sha256:aaaaaaaaaaaa (2.0 kB)`);
  });

  it('sums what went through, never more than there is', () => {
    progress.report({ state: 'progress', descriptor, sent: 2500 });
    progress.report({ state: 'progress', descriptor: other, sent: 400 });
    expect(lines.slice(1)).toEqual(['2.0 kB of 3.0 kB (66 %)', '2.4 kB of 3.0 kB (80 %)']);
  });

  it('names the tag, whatever is in it', () => {
    progress.report({ state: 'tagged', reference: 'localhost:5000/app:1\u001b[2J', digest: descriptor.digest });
    expect(lines.at(-1)).toBe('tagged localhost:5000/app:1\\u001b[2J');
  });

  it('is silent about bytes for five seconds', () => {
    const told: string[] = [];
    new CopyProgress((line) => told.push(line)).report({ state: 'progress', descriptor, sent: 500 });
    expect(told).toEqual([]);
  });
});
