import { describe, expect, it } from '@jest/globals';
import { absent, invalid, Problems, problemsError, uniqueProblems } from '../../lib/archive/problems.js';
import { TarReadError, ValidationError } from '../../lib/errors.js';
import { errorOf } from './reading.js';

describe('invalid', () => {
  it('names the entry in the message and in the list', () => {
    const error = invalid('config.json', 'is not JSON');
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toBe('config.json is not JSON');
    expect(error.problems).toEqual([{ entry: 'config.json', message: 'is not JSON' }]);
    expect(error.code).toBe('ARCHIVE_INVALID');
  });

  it('makes control characters visible, bounds the length, and shows an empty name', () => {
    expect(invalid('a\u001b[2J\u202e', 'x').problems[0]?.entry).toBe('a\\u001b[2J\\u202e');
    expect(invalid('a'.repeat(5000), 'x').problems[0]?.entry).toHaveLength(301);
    expect(invalid('', 'leaves').message).toBe('"" leaves');
  });
});

describe('absent', () => {
  it('says so by default', () => {
    expect(absent('layer.tar').message).toBe('layer.tar is not in the archive');
    expect(absent('layer.tar', 'is missed').message).toBe('layer.tar is missed');
  });
});

describe('Problems', () => {
  it('gives the result where nothing is wrong', async () => {
    const problems = new Problems();
    expect(await problems.attempt(() => 1)).toBe(1);
    expect(await problems.attempt(() => Promise.resolve(2))).toBe(2);
    expect([problems.list, problems.onlyAbsences]).toEqual([[], true]);
  });

  it('keeps every problem and goes on', async () => {
    const problems = new Problems();
    const several = new ValidationError('x', [
      { entry: 'a', message: '1' },
      { entry: 'b', message: '2' },
    ]);
    expect(await problems.attempt(() => Promise.reject(several))).toBeUndefined();
    const throwing = (): never => {
      throw invalid('c', '3');
    };
    expect(await problems.attempt(throwing)).toBeUndefined();
    expect(problems.list.map(({ entry }) => entry)).toEqual(['a', 'b', 'c']);
  });

  it('keeps nothing else: that is thrown on', async () => {
    const problems = new Problems();
    const unreadable = new TarReadError('app.tar cannot be read');
    expect(await errorOf(problems.attempt(() => Promise.reject(unreadable)))).toBe(unreadable);
    expect(problems.list).toEqual([]);
  });

  it('knows whether entries are absent and nothing else is wrong', async () => {
    const problems = new Problems();
    await problems.attempt(() => Promise.reject(absent('a')));
    expect(problems.onlyAbsences).toBe(true);
    await problems.attempt(() => Promise.reject(invalid('b', 'is broken')));
    expect(problems.onlyAbsences).toBe(false);
    await problems.attempt(() => Promise.reject(absent('c')));
    expect(problems.onlyAbsences).toBe(false);
  });

  it('takes over those of another', async () => {
    const [all, absences, others] = [new Problems(), new Problems(), new Problems()];
    await absences.attempt(() => Promise.reject(absent('a')));
    await others.attempt(() => Promise.reject(invalid('b', 'is broken')));
    all.addAll(absences);
    expect([all.list.length, all.onlyAbsences]).toEqual([1, true]);
    all.addAll(others);
    expect([all.list.length, all.onlyAbsences]).toEqual([2, false]);
  });
});

describe('a list of very many problems', () => {
  it('is taken whole', async () => {
    const many = Array.from({ length: 300_000 }, (_, i) => ({ entry: `e${i}`, message: 'is bad' }));
    const problems = new Problems();
    await problems.attempt(() => Promise.reject(new ValidationError('many', many)));
    const all = new Problems();
    all.addAll(problems);
    expect(all.list).toEqual(many);
  });
});

describe('problemsError', () => {
  it('names the file and every entry, each problem once, and says what to try', () => {
    const problems = ['a', 'b', 'a'].map((entry) => ({ entry, message: 'is bad' }));
    const error = problemsError(problems, 'app.tar');
    expect(error.message).toBe(
      'app.tar is not a valid image archive: a is bad; b is bad. Save the image again, and give the file as it was written.',
    );
    expect(error.problems).toEqual(problems.slice(0, 2));
  });

  it('spells out ten, counts the others, and lists them all', () => {
    const problems = Array.from({ length: 14 }, (_, i) => ({ entry: `e${i}`, message: 'is bad' }));
    const error = problemsError(problems, 'app.tar');
    expect(error.message).toContain('e9 is bad, and 4 more. Save');
    expect(error.message).not.toContain('e10');
    expect(error.problems).toHaveLength(14);
  });
});

describe('uniqueProblems', () => {
  it('keeps two problems of one entry', () => {
    const problems = [
      { entry: 'a', message: '1' },
      { entry: 'a', message: '2' },
      { entry: 'a', message: '1' },
    ];
    expect(uniqueProblems(problems)).toEqual(problems.slice(0, 2));
  });
});
