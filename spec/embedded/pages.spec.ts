import { describe, expect, it } from '@jest/globals';
import { pageOf } from '../../lib/embedded/pages.js';

const names = ['b', 'a', 'C', '1', 'a/b'];
const page = (query: string) => pageOf(names, new URLSearchParams(query), '/v2/_catalog');

describe('pageOf', () => {
  it('sorts as ASCII does and leaves nothing out', () => {
    expect(page('')).toEqual({ names: ['1', 'C', 'a', 'a/b', 'b'], headers: {} });
  });

  it('gives n names and links to the next page', () => {
    expect(page('n=2')).toEqual({ names: ['1', 'C'], headers: { link: '</v2/_catalog?n=2&last=C>; rel="next"' } });
  });

  it('goes on behind last, which need not be a name', () => {
    expect(page('last=C').names).toEqual(['a', 'a/b', 'b']);
    expect(page('last=B').names).toEqual(['C', 'a', 'a/b', 'b']);
    expect(page('last=z').names).toEqual([]);
  });

  it('encodes the name in the link', () => {
    expect(page('n=1&last=a').headers.link).toBe('</v2/_catalog?n=1&last=a%2Fb>; rel="next"');
  });

  it('has no link on the last page, full or not', () => {
    expect(page('n=2&last=a')).toEqual({ names: ['a/b', 'b'], headers: {} });
    expect(page('n=9')).toEqual({ names: ['1', 'C', 'a', 'a/b', 'b'], headers: {} });
  });

  it('is empty and without a link for n=0', () => {
    expect(page('n=0')).toEqual({ names: [], headers: {} });
  });

  it.each(['', '-1', '1.5', 'many', '1e3', '10000000000'])('refuses n=%s', (n) => {
    expect(() => page(`n=${n}`)).toThrow(expect.objectContaining({ code: 'PAGINATION_NUMBER_INVALID', status: 400 }));
  });
});
