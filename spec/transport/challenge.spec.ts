import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseChallenges, selectChallenge } from '../../lib/transport/challenge.js';

const URL_OF_401 = new URL('https://registry.example/v2/');
const SEED = { seed: 20260 };

function parsed(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('parseChallenges', () => {
  it('reads quoted values with commas and spaces in them', () => {
    const header =
      'Bearer realm="https://auth.example/token",service="registry.example",' +
      'scope="repository:a/b:pull,push repository:c:pull"';
    expect(parsed(header)).toEqual([
      [
        'bearer',
        {
          realm: 'https://auth.example/token',
          service: 'registry.example',
          scope: 'repository:a/b:pull,push repository:c:pull',
        },
      ],
    ]);
  });

  it('undoes backslash escapes', () => {
    expect(parsed(String.raw`Basic realm="say \"hi\" \\ \a"`)).toEqual([['basic', { realm: 'say "hi" \\ a' }]]);
  });

  it('takes unquoted values', () => {
    expect(parsed('Bearer realm=https://auth.example/token,service=r')).toEqual([
      ['bearer', { realm: 'https://auth.example/token', service: 'r' }],
    ]);
  });

  it('keeps an empty quoted value', () => {
    expect(parsed('Bearer realm="",service="r"')).toEqual([['bearer', { realm: '', service: 'r' }]]);
  });

  it('reads schemes and names in any case, with white space around = and ,', () => {
    expect(parsed('BEARER  REALM = "x" ,\t Service\t=\t"y"')).toEqual([['bearer', { realm: 'x', service: 'y' }]]);
  });

  it('splits several challenges joined in one header', () => {
    expect(parsed('Negotiate, Basic realm="a, b", Bearer realm="c",service="d"')).toEqual([
      ['negotiate', {}],
      ['basic', { realm: 'a, b' }],
      ['bearer', { realm: 'c', service: 'd' }],
    ]);
  });

  it('steps over a token68', () => {
    expect(parsed('Negotiate YII+abc/d==, Bearer realm="c"')).toEqual([
      ['negotiate', {}],
      ['bearer', { realm: 'c' }],
    ]);
  });

  it('lets the first of equal parameters count', () => {
    expect(parsed('Bearer realm="first",realm="second"')).toEqual([['bearer', { realm: 'first' }]]);
  });

  it('keeps parameters named like prototype members as data', () => {
    const [challenge] = parseChallenges('Bearer __proto__="x",constructor="y"');
    expect([...(challenge?.parameters ?? [])]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('leaves out a challenge without a closing quote, and keeps those before it', () => {
    expect(parsed('Basic realm="a", Bearer realm="https://auth.example')).toEqual([['basic', { realm: 'a' }]]);
  });

  it('leaves out a challenge whose value is missing', () => {
    expect(parsed('Bearer service="s",realm=')).toEqual([]);
  });

  it('ignores parameters before any scheme', () => {
    expect(parsed('realm="x", Basic realm="y"')).toEqual([['basic', { realm: 'y' }]]);
  });

  it('finds nothing in nothing', () => {
    expect(parsed('')).toEqual([]);
    expect(parsed(' , ,, ')).toEqual([]);
  });

  it('gives back any quoted value', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const property = fc.property(fc.dictionary(name, fc.string({ unit: 'binary' }), { minKeys: 1 }), (parameters) => {
      const pairs = Object.entries(parameters).map(([key, value]) => `${key}="${value.replace(/["\\]/g, '\\$&')}"`);
      expect(parsed(`Bearer ${pairs.join(', ')}`)).toEqual([['bearer', { ...parameters }]]);
    });
    fc.assert(property, { ...SEED, numRuns: 300 });
  });

  it('never throws, whatever a server sends', () => {
    const piece = fc.oneof(
      fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', 'abc==', 'x="y"', '\t', '\n'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    const property = fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      for (const { scheme } of parseChallenges(pieces.join(''))) expect(scheme).toBe(scheme.toLowerCase());
    });
    fc.assert(property, { ...SEED, numRuns: 2000 });
  });

  it.each([
    ['an open quote', `Bearer realm="${'a'.repeat(200_000)}`],
    ['an open quote full of escapes', `Bearer realm="${'\\"'.repeat(200_000)}`],
    ['endless separators', `Bearer ${' ,'.repeat(200_000)}`],
    ['endless white space before =', `Bearer realm${' '.repeat(200_000)}x`],
    ['a token68 that is none', `Bearer ${'a'.repeat(200_000)}"`],
    ['schemes without end', 'a '.repeat(100_000)],
  ])('is fast for %s', (_, header) => {
    const start = performance.now();
    parseChallenges(header);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('selectChallenge', () => {
  it('prefers Bearer to Basic, wherever it stands', () => {
    const bearer = 'Bearer realm="https://auth.example/token",service="s",scope="a:b:c  d:e:f",error="invalid_token"';
    const expected = {
      scheme: 'bearer',
      realm: 'https://auth.example/token',
      service: 's',
      scopes: ['a:b:c', 'd:e:f'],
      error: 'invalid_token',
      url: URL_OF_401,
    };
    expect(selectChallenge(`Basic realm="x", ${bearer}`, URL_OF_401)).toEqual(expected);
    expect(selectChallenge(`${bearer}, Basic realm="x"`, URL_OF_401)).toEqual(expected);
  });

  it('prefers a Bearer challenge with a realm', () => {
    const found = selectChallenge('Bearer error="x", Bearer realm="/token"', URL_OF_401);
    expect(found).toMatchObject({ scheme: 'bearer', realm: '/token' });
  });

  it('hands a Bearer challenge without a realm on, for whoever needs one to complain', () => {
    const found = selectChallenge('Bearer service="s", Basic realm="x"', URL_OF_401);
    expect(found).toEqual({
      scheme: 'bearer',
      realm: undefined,
      service: 's',
      scopes: [],
      error: undefined,
      url: URL_OF_401,
    });
  });

  it('skips schemes it does not know', () => {
    expect(selectChallenge('Negotiate abc==, Digest realm="d",nonce="n", Basic realm="x"', URL_OF_401)).toEqual({
      scheme: 'basic',
    });
    expect(selectChallenge('Negotiate, Digest realm="d"', URL_OF_401)).toBeUndefined();
  });
});
