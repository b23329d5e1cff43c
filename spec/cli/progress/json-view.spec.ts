import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { JsonView } from '../../../lib/cli/progress/json-view.js';
import { ended, layer, planned, progress } from './events.js';

describe('JsonView', () => {
  const blob = layer('a', 1000);
  const { name } = blob;
  let written: string;
  let view: JsonView;
  beforeEach(() => {
    jest.useFakeTimers();
    written = '';
    view = new JsonView('push', (text) => (written += text));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function lines(): unknown[] {
    return written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  }

  it('is one object per line, of a shape that stays', () => {
    view.report(planned(1, 1000));
    view.report({ state: 'warning', message: 'mind the gap' });
    view.report({ state: 'started', blob });
    view.report(progress(blob, 500, 200));
    view.report({ state: 'retry', blob });
    view.report({ ...ended('uploaded', blob), stored: 400, repository: 'app' });
    view.report({ state: 'tagged', reference: 'host/app:1', digest: 'sha256:m' });
    view.end(true);
    expect(lines()).toEqual([
      { state: 'planned', transfer: 'push', blobs: 1, bytes: 1000 },
      { state: 'warning', message: 'mind the gap' },
      { state: 'started', blob: name, size: 1000 },
      { state: 'progress', blob: name, size: 1000, bytes: 500, sent: 200, movedBytes: 500, totalBytes: 1000 },
      { state: 'retry', blob: name, size: 1000 },
      { state: 'uploaded', blob: name, size: 1000, digest: 'sha256:d', stored: 400, repository: 'app' },
      { state: 'tagged', reference: 'host/app:1', digest: 'sha256:m' },
      {
        ...{ state: 'done', transfer: 'push', uploaded: 1, pulled: 0, mounted: 0, exists: 0, retries: 1 },
        ...{ bytes: 500, sent: 200, milliseconds: 0 },
      },
    ]);
  });

  it('tells bytes of one blob once a second', () => {
    for (let i = 1; i <= 25; i++) {
      view.report(progress(blob, i));
      view.report(progress(layer('b', 1000), i));
      jest.advanceTimersByTime(100);
    }
    expect(lines()).toHaveLength(6);
    expect(lines()[4]).toEqual({ state: 'progress', blob: name, size: 1000, bytes: 21, sent: 21, movedBytes: 41 });
  });

  it('ends without a word what did not succeed: the error follows', () => {
    view.report(planned(1, 1000));
    view.end(false);
    expect(lines()).toHaveLength(1);
  });

  it('escapes what could steer a terminal that shows it', () => {
    view.report({ state: 'warning', message: '\u001b[2J\u202e\u009b\n' });
    expect(written).toBe('{"state":"warning","message":"\\u001b[2J\\u202e\\u009b\\n"}\n');
  });
});
