import { describe, expect, it } from '@jest/globals';
import {
  bars,
  judge,
  kilobytes,
  type Line,
  median,
  megabytes,
  precise,
  summarize,
  table,
} from '../../bench/figures.mjs';

describe('median', () => {
  it('is the one in the middle, by number and not by text', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('is half way between the two in the middle', () => {
    expect(median([1, 2, 4, 8])).toBe(3);
  });
});

describe('summarize', () => {
  it('takes the median of each figure, and the range of the seconds', () => {
    const samples = [
      { seconds: 3, rss: 10 },
      { seconds: 1, rss: 30 },
      { seconds: 2, rss: 20 },
    ];
    expect(summarize(samples)).toEqual({ seconds: 2, rss: 20, range: [1, 3] });
  });

  it('passes over runs without the figure', () => {
    expect(summarize([{ seconds: 1 }, { seconds: 1, sent: 5 }]).sent).toBe(5);
  });
});

describe('table', () => {
  const lines: Line[] = [
    { who: 'skopeo', seconds: 4, range: [3.5, 12], rss: 100e6 },
    { who: 'ours', seconds: 1, range: [0.5, 2] },
  ];

  it('shows ratios to those that it is against, and a column for each figure that somebody has', () => {
    expect(table(lines, ['crane', 'skopeo']).split('\n')).toEqual([
      '|  | × skopeo | seconds (range) | peak RSS |',
      '| --- | --- | --- | --- |',
      '| skopeo | 1.00 | 4.00 (3.50–12.0) | 100 MB |',
      '| ours | 0.25 | 1.00 (0.500–2.00) | – |',
    ]);
  });

  it('shows none read from the tar, which is not the same as not counted', () => {
    expect(table([{ who: 'ours', seconds: 1, read: 0 }])).toContain('| 0.0 kB |');
  });
});

describe('judge', () => {
  const lines: Line[] = [
    { who: 'skopeo', seconds: 2, sent: 100 },
    { who: 'ours', seconds: 1, sent: 111, rss: 131e6 },
  ];

  it.each([
    [{ who: 'ours', times: 0.5, of: 'skopeo' }, true, 'ours: seconds ≤ 0.5 × skopeo: 0.50'],
    [{ who: 'ours', figure: 'sent', times: 1.1, of: 'skopeo' } as const, false, 'sent ≤ 1.1 × skopeo: 1.11, MISSED'],
    [{ who: 'ours', figure: 'rss', most: 130e6 } as const, false, 'ours: rss ≤ 130 MB: 131 MB, MISSED'],
    [{ who: 'ours', most: 1 }, true, 'ours: seconds ≤ 1.00 s: 1.00 s'],
    [{ who: 'ours', times: 0.5, of: 'crane' }, undefined, 'ours: seconds ≤ 0.5 × crane: not measured'],
    [{ who: 'skopeo', figure: 'rss', most: 1 } as const, undefined, 'not measured'],
  ])('%j: %s', (goal, kept, text) => {
    expect(judge(lines, goal)).toEqual({ kept, text: expect.stringContaining(text) });
  });
});

describe('bars', () => {
  it('are as long as their values, and never nothing', () => {
    const [, long, half, least] = bars([
      { label: '10', value: 8, text: '8 s' },
      { label: '5', value: 4, text: '4 s' },
      { label: '1', value: 0.001, text: '1 ms' },
    ]).split('\n');
    expect([long, half, least]).toEqual([`10  ${'█'.repeat(40)} 8 s`, ` 5  ${'█'.repeat(20)} 4 s`, ' 1  █ 1 ms']);
  });
});

describe('figures are shown', () => {
  it('with three digits of seconds', () => {
    expect([0.0234, 1.234, 12.34].map(precise)).toEqual(['0.023', '1.23', '12.3']);
  });

  it('in the unit that fits', () => {
    expect([megabytes(509e6), megabytes(1400), kilobytes(66e3), kilobytes(136e6)]).toEqual([
      '509 MB',
      '1.4 kB',
      '66 kB',
      '136 MB',
    ]);
  });
});
