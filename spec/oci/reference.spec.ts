import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgumentError } from '../../lib/errors.js';
import {
  assertRepository,
  assertTag,
  assertTagOrDigest,
  formatReference,
  isTag,
  parseReference,
  parseRepositoryTag,
  type Reference,
} from '../../lib/oci/reference.js';

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`;
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`;
const RUNS = { seed: 20260101, numRuns: 500 };

const NAMES = [
  'a',
  'a/b/c',
  'a.b',
  'a_b',
  'a__b',
  'a-b',
  'a--b---c',
  '0',
  'library/ubuntu',
  'a/0.0/b',
  'x'.repeat(255),
];

/** Names that would lead elsewhere in the API, split a request, or mean two things to two readers. */
const WRONG_NAMES: readonly [string, string][] = [
  ['empty text', ''],
  ['upper case', 'Team/app'],
  ['a parent folder', 'a/../_catalog'],
  ['a parent folder alone', '..'],
  ['this folder', './a'],
  ['an empty part', 'a//b'],
  ['a slash first', '/a'],
  ['a slash last', 'a/'],
  ['a dot first', '.a'],
  ['a dot last', 'a.'],
  ['two dots', 'a..b'],
  ['a hyphen first', '-a'],
  ['a hyphen last', 'a-'],
  ['three underscores', 'a___b'],
  ['two kinds of separators', 'a._b'],
  ['a part that starts with an underscore', 'a/_b'],
  ['an encoded slash', 'a%2fb'],
  ['an encoded dot', 'a%2e%2e'],
  ['a query', 'a?n=1'],
  ['a fragment', 'a#b'],
  ['a space', 'a b'],
  ['a space last', 'a '],
  ['a line break', 'a\r\nHost: evil'],
  ['a line break last', 'a\n'],
  ['NUL', 'a\0'],
  ['an escape', 'a\u001b[2J'],
  ['letters beyond ASCII', '안녕'],
  ['a letter that only looks like one', 'аpp'],
  ['a letter with an accent', 'é'],
  ['a backslash', 'a\\b'],
  ['an at sign', 'a@b'],
  ['a colon', 'a:b'],
  ['256 characters', 'x'.repeat(256)],
];

describe('assertRepository', () => {
  it.each(NAMES)('accepts %s', (name) => {
    expect(assertRepository(name)).toBe(name);
  });

  it.each(WRONG_NAMES)('refuses %s', (_, name) => {
    expect(() => assertRepository(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
    expect(() => assertRepository(name)).toThrow(InvalidArgumentError);
  });

  it.each([undefined, null, 5, ['a'], { toString: () => 'a' }])('refuses what is no text: %p', (value) => {
    expect(() => assertRepository(value as unknown as string)).toThrow(InvalidArgumentError);
  });

  it('shows what it was given in a form that cannot harm a terminal, and what a name looks like', () => {
    expect(() => assertRepository('a\u001b[2J')).toThrow(
      '"a\\u001b[2J" is not a repository name. Use lower-case letters',
    );
  });

  it('refuses long hostile names quickly', () => {
    const before = performance.now();
    for (const part of ['a', 'a-', 'a_', 'a.', 'a/'])
      expect(() => assertRepository(`${part.repeat(50_000)}!`)).toThrow();
    for (const part of ['-', '_', '.', '/']) expect(() => assertRepository(`a${part.repeat(250)}!`)).toThrow();
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe('assertTag', () => {
  it.each(['latest', 'v1.2.3', '_', '_x', 'A-Z_0.9', '1', 'x'.repeat(128)])('accepts %s', (tag) => {
    expect(assertTag(tag)).toBe(tag);
    expect(isTag(tag)).toBe(true);
  });

  it.each([
    ['empty text', ''],
    ['a port that is none', 'localhost:65536/app'],
    ['a dot first', '.x'],
    ['a hyphen first', '-x'],
    ['129 characters', 'x'.repeat(129)],
    ['a slash', 'a/b'],
    ['a colon', 'a:b'],
    ['a query', 'x?y'],
    ['a plus', '1.0+build'],
    ['a space', 'a b'],
    ['a line break last', 'a\n'],
    ['letters beyond ASCII', '안녕'],
    ['an encoded slash', 'a%2fb'],
  ])('refuses %s', (_, tag) => {
    expect(() => assertTag(tag)).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }));
    expect(isTag(tag)).toBe(false);
  });

  it.each([undefined, null, 5, ['a']])('refuses what is no text: %p', (value) => {
    expect(() => assertTag(value as unknown as string)).toThrow(InvalidArgumentError);
  });
});

describe('assertTagOrDigest', () => {
  it.each(['latest', SHA256, SHA512])('accepts %s', (reference) => {
    expect(assertTagOrDigest(reference)).toBe(reference);
  });

  it.each(['', 'a/b', 'a:b', 'sha256:abc', `md5:${'0'.repeat(32)}`, `latest@${SHA256}`, '../x'])(
    'refuses "%s"',
    (text) => {
      expect(() => assertTagOrDigest(text)).toThrow(InvalidArgumentError);
    },
  );
});

describe('parseReference', () => {
  it.each<[string, Reference]>([
    ['app', { repository: 'app' }],
    ['app:v1', { repository: 'app', tag: 'v1' }],
    ['team/app', { repository: 'team/app' }],
    ['team/app:5000', { repository: 'team/app', tag: '5000' }],
    [`app@${SHA256}`, { repository: 'app', digest: SHA256 }],
    [`app:v1@${SHA512}`, { repository: 'app', tag: 'v1', digest: SHA512 }],
    ['localhost/app', { registry: 'localhost', repository: 'app' }],
    ['localhost:5000/app', { registry: 'localhost:5000', repository: 'app' }],
    ['localhost:5000/a/b:tag', { registry: 'localhost:5000', repository: 'a/b', tag: 'tag' }],
    [`localhost:5000/a/b:tag@${SHA256}`, { registry: 'localhost:5000', repository: 'a/b', tag: 'tag', digest: SHA256 }],
    ['registry.example.com/app', { registry: 'registry.example.com', repository: 'app' }],
    ['example.com./app', { registry: 'example.com.', repository: 'app' }],
    ['127.0.0.1:15000/app:1', { registry: '127.0.0.1:15000', repository: 'app', tag: '1' }],
    ['[::1]:5000/app', { registry: '[::1]:5000', repository: 'app' }],
    ['[2001:db8::1]/app', { registry: '[2001:db8::1]', repository: 'app' }],
    ['UPPER/app', { registry: 'UPPER', repository: 'app' }],
    ['localhost:65535/app', { registry: 'localhost:65535', repository: 'app' }],
    ['docker.io/library/app', { registry: 'docker.io', repository: 'library/app' }],
    ['registry/app', { repository: 'registry/app' }],
    ['localhost', { repository: 'localhost' }],
    ['localhost:5000', { repository: 'localhost', tag: '5000' }],
    ['a.b', { repository: 'a.b' }],
    ['xn--d1acufc.example/app', { registry: 'xn--d1acufc.example', repository: 'app' }],
  ])('reads %s', (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
    expect(formatReference(reference)).toBe(text);
  });

  it.each([
    ['docker.io/alpine:3', 'docker.io/library/alpine:3'],
    ['docker.io/team/app', 'docker.io/team/app'],
    ['registry.example.com/alpine', 'registry.example.com/alpine'],
    ['alpine', 'alpine'],
  ])('%s is written as %s', (text, written) => {
    expect(formatReference(parseReference(text))).toBe(written);
  });

  it.each([
    ['empty text', ''],
    ['no repository', ':tag'],
    ['no tag after the colon', 'app:'],
    ['no digest after the at sign', 'app@'],
    ['no repository after the host', 'localhost:5000/'],
    ['a repository in upper case', 'App'],
    ['a scheme', 'http://localhost:5000/app'],
    ['a scheme in upper case', 'HTTPS://localhost/app'],
    ['two tags', 'app:a:b'],
    ['two digests', `app@${SHA256}@${SHA256}`],
    ['a short digest', 'app@sha256:abc'],
    ['an unknown algorithm', `app@md5:${'0'.repeat(32)}`],
    ['a tag after the digest', `app@${SHA256}:tag`],
    ['a user before the host', 'user:secret@localhost:5000/app'],
    ['a port that is none', 'localhost:port/app'],
    ['a port of six digits', 'localhost:123456/app'],
    ['a host that ends in a hyphen', 'a-.example.com/app'],
    ['a host with an underscore', 'a_b.example.com/app'],
    ['a host that is a folder', '../app'],
    ['a folder after the host', 'localhost:5000/../app'],
    ['a slash after the host', 'localhost:5000//app'],
    ['an open bracket', '[::1/app'],
    ['a host with a line break', 'localhost\n:5000/app'],
    ['a space first', ' app'],
    ['a space last', 'app:tag '],
    ['a query', 'app?x=1'],
  ])('refuses %s', (_, text) => {
    expect(() => parseReference(text)).toThrow(InvalidArgumentError);
  });

  it('adds neither a registry nor a tag', () => {
    expect(Object.keys(parseReference('app'))).toEqual(['repository']);
  });

  it('says that a host is wrong when it is the host', () => {
    expect(() => parseReference('bad_host.example:5000/app')).toThrow(
      '"bad_host.example:5000" is not a registry host. Write host or host:port before the first slash.',
    );
  });

  it('reads what formatReference writes', () => {
    fc.assert(
      fc.property(anyReference(), (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
      RUNS,
    );
  });

  it('reads any text or refuses it, and what it reads is written the same', () => {
    fc.assert(
      fc.property(nearlyReference(), (text) => {
        expect(writtenAgain(text)).toBe(text);
      }),
      RUNS,
    );
  });
});

describe('parseRepositoryTag', () => {
  it.each([
    ['app', { repository: 'app', tag: 'latest' }],
    ['app:1.2.3', { repository: 'app', tag: '1.2.3' }],
    ['localhost:5000/app', { registry: 'localhost:5000', repository: 'app', tag: 'latest' }],
    ['localhost:5000/team/app:prod', { registry: 'localhost:5000', repository: 'team/app', tag: 'prod' }],
    [
      'registry.example.com:8443/a/b/c/app:x',
      { registry: 'registry.example.com:8443', repository: 'a/b/c/app', tag: 'x' },
    ],
  ])('splits %s', (text, parts) => {
    expect(parseRepositoryTag(text)).toEqual(parts);
  });

  it.each(['', ':', '<none>:<none>', 'app:', 'App:1', 'a b:1', '../x:1'])('refuses "%s"', (text) => {
    expect(() => parseRepositoryTag(text)).toThrow(InvalidArgumentError);
  });

  it('refuses a digest, where a tag is wanted', () => {
    expect(() => parseRepositoryTag(`app@${SHA256}`)).toThrow('names a digest where a tag is wanted');
    expect(() => parseRepositoryTag(`app:1@${SHA256}`)).toThrow(expect.objectContaining({ code: 'TAG_INVALID' }));
  });
});

/** References in all their forms. */
function anyReference(): fc.Arbitrary<Reference> {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const separator = fc.constantFrom('.', '_', '__', '-', '---');
  const part = fc.tuple(word, separator, word).map((pieces) => pieces.join(''));
  const repository = fc.array(fc.oneof(word, part), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const host = fc.oneof(
    fc.constantFrom('localhost', '[::1]'),
    fc.tuple(word, word).map((labels) => labels.join('.')),
  );
  const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined });
  const registry = fc.tuple(host, port).map(([name, number]) => (number === undefined ? name : `${name}:${number}`));
  const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  const digest = hex.chain((half) => fc.constantFrom(`sha256:${half}`, `sha512:${half}${half}`));
  // Without a registry, a first part with a dot and a slash after it would be read as one.
  const registered = fc.record({ registry, repository, tag, digest }, { requiredKeys: ['registry', 'repository'] });
  const bare = fc.record({ repository: fc.oneof(word, part), tag, digest }, { requiredKeys: ['repository'] });
  return fc.oneof(registered, bare);
}

/** Text made of the pieces that references are made of, and of any characters. */
function nearlyReference(): fc.Arbitrary<string> {
  const pieces = [
    'a',
    'app',
    'localhost',
    '5000',
    ':',
    '/',
    '@',
    '.',
    '-',
    '_',
    '__',
    '..',
    '//',
    SHA256,
    'A',
    ' ',
    '\n',
  ];
  const piece = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...pieces) },
    fc.string({ maxLength: 3, unit: 'binary' }),
  );
  return fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(''));
}

/** The text itself when it is refused with the right kind of error. */
function writtenAgain(text: string): string {
  try {
    return formatReference(parseReference(text));
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return text;
  }
}
