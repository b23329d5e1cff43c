import { beforeEach, describe, expect, it } from '@jest/globals';
import { BlobProgress } from '../../lib/transfer/blob-progress.js';
import type { PushEvent } from '../../lib/transfer/progress.js';

describe('BlobProgress', () => {
  const blob = { entry: 'layer.tar', size: 100 };
  let events: PushEvent[];
  let progress: BlobProgress;
  beforeEach(() => {
    events = [];
    progress = new BlobProgress(blob, (event) => events.push(event));
  });

  const counts = () =>
    events.map((event) => (event.state === 'progress' ? `${event.read} ${event.sent}` : event.state));

  it('tells that the content has begun', () => {
    expect(events).toEqual([{ state: 'started', blob }]);
  });

  it('adds up what was read and what was sent', () => {
    progress.addRead(10);
    progress.addSent(3);
    progress.addRead(5);
    expect(counts()).toEqual(['started', '10 0', '10 3', '15 3']);
  });

  it('names the same blob in every event', () => {
    progress.addRead(1);
    progress.restart();
    expect(events).toHaveLength(3);
    for (const event of events) expect('blob' in event && event.blob).toBe(blob);
  });

  describe('restart', () => {
    it('says nothing before anything was counted', () => {
      progress.restart();
      expect(counts()).toEqual(['started']);
    });

    it('tells of a retry once, and counts from nothing again', () => {
      progress.addRead(10);
      progress.addSent(4);
      progress.restart();
      progress.restart();
      progress.addRead(7);
      expect(counts()).toEqual(['started', '10 0', '10 4', 'retry', '7 0']);
    });

    it('goes back no further than to what is kept', () => {
      progress.addRead(100);
      progress.keep();
      progress.addSent(30);
      progress.restart();
      progress.addSent(40);
      expect(counts()).toEqual(['started', '100 0', '100 30', 'retry', '100 40']);
    });
  });
});
