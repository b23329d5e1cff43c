import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hidesNextLink, nextLink } from '../../lib/services/link.js';

describe('nextLink', () => {
  it.each([
    ['</v2/_catalog?last=b&n=2>; rel="next"', '/v2/_catalog?last=b&n=2'],
    [
      '<https://registry.example/v2/_catalog?next_page=x%2By>; rel=next',
      'https://registry.example/v2/_catalog?next_page=x%2By',
    ],
    ['</a>;rel=next', '/a'],
    ['</a> ; REL = "NEXT"', '/a'],
    ['</a>; rel="prev next"', '/a'],
    ['</a>; rel="next last"', '/a'],
    ['</a>; title="a, \\"b\\"; rel=no"; rel="next"', '/a'],
    ['</a>; rel="next"; title=x', '/a'],
    ['</a>; rel=next;', '/a'],
    ['</first>; rel="first", </a,b>; rel="next"', '/a,b'],
    ['</first>; rel=first,</a>; rel=next,</b>; rel=next', '/a'],
    ['</a>; flag; rel=next', '/a'],
    ['<>; rel="next"', ''],
    ["</a>; title*=UTF-8''x%20y; rel=next", '/a'],
  ])('finds it in %s', (header, target) => {
    expect(nextLink(header)).toBe(target);
  });

  it.each([
    undefined,
    '',
    '/a; rel="next"',
    '</a>',
    '</a>; rel="prev"',
    '</a>; rel="nextly"',
    '</a>; rel="pre-next"',
    '</a>; rel',
    '</a>; rel=""',
    '</a>; xrel="next"',
    '</a>; title="; rel=next; x"',
    '</a>; title="x" rel="next"',
    '</a; rel="next"',
    '</a>, rel="next"',
    '</a>; rel="next',
  ])('finds none in %s', (header) => {
    expect(nextLink(header)).toBeUndefined();
  });

  it.each([
    '/a; rel="next"',
    '</a>; title="x" rel="next"',
    '</a; rel="next"',
    '</a>, rel="next"',
    '</a>; rel="next',
    '</first>; rel="first", </a; REL = next',
    '</a>; rel="last next',
  ])('cannot read, but sees, one in %s', (header) => {
    expect(hidesNextLink(header)).toBe(true);
  });

  it.each([
    undefined,
    '',
    ' , ',
    '</a>',
    '</a>; rel="prev"',
    '</a>; rel="nextly"',
    '</a>; xrel="next"',
    '</a>; title="; rel=next; x"',
    '</a>; rel="next"',
    '/a; rel="prev"; title="next"',
  ])('sees none in %s', (header) => {
    expect(hidesNextLink(header)).toBe(false);
  });

  const name = fc.stringMatching(/^[a-z*-]{1,10}$/).filter((text) => text !== 'rel');
  const quoted = fc
    .string({ unit: 'grapheme-ascii' })
    .map((text) => `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`);
  const bare = fc.stringMatching(/^[A-Za-z0-9!#$&.+-]{0,10}$/);
  const parameter = fc.tuple(name, fc.oneof(quoted, bare)).map(([key, value]) => `${key}=${value}`);
  const target = fc.stringMatching(/^[!-;=?-~]{0,40}$/);
  const space = fc.constantFrom('', ' ', '  ');

  it('finds the target among any parameters and other links', () => {
    const link = fc.tuple(target, fc.array(parameter, { maxLength: 4 }));
    const write = (to: string, parameters: readonly string[], gap: string) =>
      `<${to}>${parameters.map((each) => `${gap};${gap}${each}`).join('')}`;
    const property = fc.property(
      fc.array(link, { maxLength: 3 }),
      link,
      fc.array(parameter, { maxLength: 3 }),
      space,
      fc.constantFrom('rel="next"', 'rel=next', 'rel="last next"'),
      (before, [to, first], last, gap, relation) => {
        const others = before.map(([other, parameters]) => write(other, parameters, gap));
        const header = [...others, write(to, [...first, relation, ...last], gap)].join(`${gap},${gap}`);
        expect(nextLink(header)).toBe(to);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 500 });
  });

  it('makes a part of the header, or nothing, of any text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[<>;=", a-z\\]*$/));
    const property = fc.property(text, (header) => {
      const found = nextLink(header);
      return found === undefined || header.includes(`<${found}>`);
    });
    fc.assert(property, { seed: 1, numRuns: 500 });
  });

  it.each([
    ['spaces', `</a>;x${' '.repeat(60_000)}`],
    ['semicolons', `</a>${';'.repeat(60_000)}`],
    ['parameters', `</a>${';a="b" '.repeat(10_000)}`],
    ['an open quote', `</a>; rel="${'\\'.repeat(60_000)}`],
    ['commas', `${', '.repeat(30_000)}`],
    ['brackets', '<'.repeat(60_000)],
    ['links', '<a>,'.repeat(15_000)],
    ['relations', 'rel = '.repeat(10_000)],
    ['spaces in what cannot be read', `rel${' '.repeat(60_000)}`],
  ])('is not slowed down by many %s', (_, header) => {
    const before = process.cpuUsage();
    nextLink(header);
    hidesNextLink(header);
    // Microseconds of the processor, which a busy machine does not add to; steps for each pair of characters would take seconds.
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});
