import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compressorFor, type CompressorName } from '../../lib/compression/compressor-for.js';
import { FakePrograms } from '../support/fake-programs.js';

describe('compressorFor', () => {
  let programs: FakePrograms;
  // A machine may have the real ones.
  beforeEach(() => {
    programs = new FakePrograms({ alone: true });
  });
  afterEach(() => programs.remove());

  const BUILTIN = 'the built-in gzip';

  function usedBy(compressor: CompressorName): string | undefined {
    let said: string | undefined;
    compressorFor({ compressor }, { warn: () => undefined, log: (line) => (said = line) });
    return said?.replace('plain layers are compressed by ', '').replace(`${programs.folder}/`, '');
  }

  it.each<[there: string[], auto: string]>([
    [[], BUILTIN],
    [['pigz'], BUILTIN],
    [['igzip'], 'igzip'],
    [['pigz', 'igzip'], 'igzip'],
  ])('takes igzip by itself, and no pigz, which is slower than what is built in (%j)', (there, auto) => {
    for (const name of there) programs.add(name, '');
    expect([usedBy('auto'), usedBy('builtin')]).toEqual([auto, BUILTIN]);
  });

  it('takes a program that was asked for, or says that it is not there', () => {
    programs.add('pigz', '');
    expect(usedBy('pigz')).toBe('pigz');
    expect(() => usedBy('igzip')).toThrow(expect.objectContaining({ code: 'COMPRESSOR_NOT_FOUND' }));
  });
});
