import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ScopeSet } from '../../lib/transport/scope-set.js';

describe('ScopeSet', () => {
  describe('list', () => {
    it('merges the actions of one resource', () => {
      const scopes = new ScopeSet(['repository:a:pull', 'repository:b:pull', 'repository:a:pull,push']);
      expect(scopes.list).toEqual(['repository:a:pull,push', 'repository:b:pull']);
    });

    it('keeps the order scopes were named in', () => {
      expect(new ScopeSet(['repository:z:pull', 'repository:a:delete']).list).toEqual([
        'repository:z:pull',
        'repository:a:delete',
      ]);
    });

    it('parts the actions off at the last colon only', () => {
      const scopes = new ScopeSet(['repository:host:5000/a:pull', 'repository:host:5000/a:push']);
      expect(scopes.list).toEqual(['repository:host:5000/a:pull,push']);
    });

    it('leaves a scope of another shape as it is', () => {
      expect(new ScopeSet(['openid', 'registry:catalog:*', 'repository:a:']).list).toEqual([
        'openid',
        'registry:catalog:*',
        'repository:a:',
      ]);
    });

    it('names no action twice', () => {
      expect(new ScopeSet(['repository:a:pull,pull,,push']).list).toEqual(['repository:a:pull,push']);
    });
  });

  describe('covers', () => {
    const held = new ScopeSet(['repository:a:pull,push', 'repository:b:pull']);

    it.each([[[]], [['repository:a:push']], [['repository:b:pull', 'repository:a:push,pull']]])(
      'is true for %j',
      (wanted) => {
        expect(held.covers(new ScopeSet(wanted))).toBe(true);
      },
    );

    it.each([
      [['repository:a:delete']],
      [['repository:b:pull,push']],
      [['repository:c:pull']],
      [['repository:c:']],
      [['repository:a:pull', 'repository:c:pull']],
    ])('is false for %j', (wanted) => {
      expect(held.covers(new ScopeSet(wanted))).toBe(false);
    });
  });

  describe('key', () => {
    it('is the same for equal sets in another order', () => {
      const one = new ScopeSet(['repository:a:pull,push', 'repository:b:pull']);
      const other = new ScopeSet(['repository:b:pull', 'repository:a:push', 'repository:a:pull']);
      expect(one.key).toBe(other.key);
    });

    it('is another for another set', () => {
      const keys = [[], ['a:b:c'], ['a:b:c', 'a:b:d'], ['a:b:c', 'a:d:c'], ['a:b:']].map(
        (list) => new ScopeSet(list).key,
      );
      expect(new Set(keys).size).toBe(keys.length);
    });
  });

  it('covers whatever it was made of, and survives a round through its own list', () => {
    const property = fc.property(fc.array(fc.string({ unit: 'grapheme-ascii' })), (list) => {
      const scopes = new ScopeSet(list);
      for (const scope of list) expect(scopes.covers(new ScopeSet([scope]))).toBe(true);
      expect(new ScopeSet(scopes.list).key).toBe(scopes.key);
    });
    fc.assert(property, { seed: 20260, numRuns: 500 });
  });
});
