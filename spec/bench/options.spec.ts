import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '../../bench/options.mjs';

const parse = (...args: string[]) =>
  parseOptions(args, ['pull', 'growth', 'memory'], { growth: 'growth', memory: 'large' });

describe('the options of the benchmark', () => {
  it('are five runs of 1 GiB of all rows that take no hours', () => {
    expect(parse()).toMatchObject({ runs: 5, bytes: 2 ** 30, rows: ['pull'], node: process.execPath });
  });

  it('make a quick run small', () => {
    expect(parse('--quick')).toMatchObject({ runs: 1, bytes: 64 * 2 ** 20, quick: true });
  });

  it('let more be asked for', () => {
    expect(parse('--large').rows).toEqual(['pull', 'memory']);
    expect(parse('--growth', '--large').rows).toEqual(['pull', 'growth', 'memory']);
    expect(parse('--quick', '--runs', '7', '--mib', '8')).toMatchObject({ runs: 7, bytes: 8 * 2 ** 20 });
  });

  it('choose rows, also those that are not run otherwise', () => {
    expect(parse('--only', 'growth', '--only', 'pull').rows).toEqual(['growth', 'pull']);
  });

  it.each([
    [['--only', 'nothing'], 'there is no row nothing, only pull, growth, memory'],
    [['--runs', '0'], '--runs is "0", not a whole number'],
    [['--mib', '1.5'], '--mib is "1.5"'],
  ])('refuse %j', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
