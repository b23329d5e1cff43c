import { describe, expect, it } from '@jest/globals';
import { printable, redactUrl } from '../lib/redact.js';

describe('redactUrl', () => {
  it('drops user and password', () => {
    expect(redactUrl('https://alice:secret@registry.example.com/v2/')).toBe('https://registry.example.com/v2/');
    expect(redactUrl('https://token@registry.example.com/v2/')).toBe('https://registry.example.com/v2/');
  });

  it.each(['_state', 'X-Amz-Signature', 'sig', 'token', 'access_token', 'Digest', 'anything'])(
    'hides the value of %s, because it may be a signature or a session',
    (name) => {
      expect(redactUrl(`https://store.example.com/upload?${name}=s3cr3t`)).not.toContain('s3cr3t');
    },
  );

  it('keeps what the distribution spec defines readable', () => {
    const url = 'http://localhost:5000/v2/a/blobs/uploads/?mount=sha256:abc&from=team/b';
    expect(redactUrl(url)).toBe(url);
    const token = 'https://auth.example.com/token?service=registry&scope=repository:team/a:pull';
    expect(redactUrl(token)).toBe(token);
  });

  it('hides every value of a name that occurs more than once', () => {
    const shown = redactUrl('http://localhost/?sig=one&sig=two&n=5');
    expect(shown).toBe('http://localhost/?sig=REDACTED&n=5');
  });

  it('changes a copy and not the URL it is given', () => {
    const url = new URL('http://u:p@localhost/?sig=one');
    redactUrl(url);
    expect(url.href).toBe('http://u:p@localhost/?sig=one');
  });

  it('hides a fragment that carries a token', () => {
    expect(redactUrl('http://localhost/#access_token=s3cr3t')).not.toContain('s3cr3t');
  });
});

describe('printable', () => {
  it.each([
    ['a terminal escape', '\u001b[2J', '\\u001b[2J'],
    ['a line break', 'a\r\nb', 'a\\u000d\\u000ab'],
    ['a tab', 'a\tb', 'a\\u0009b'],
    ['DEL and the C1 controls', '\u007f\u009b31m', '\\u007f\\u009b31m'],
    ['text that runs the other way', 'a\u202eb\u2066c\u200f', 'a\\u202eb\\u2066c\\u200f'],
    ['a separator of lines', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['what has no width', 'a\u200bb', 'a\\u200bb'],
    ['the mark of a byte order', '\ufeffa', '\\ufeffa'],
    ['a soft hyphen and a joiner of words', 'a\u00adb\u2060', 'a\\u00adb\\u2060'],
    ['a tag nobody sees', 'a\u{e0041}', 'a\\udb40\\udc41'],
    ['half a character', 'a\ud83d', 'a\\ud83d'],
  ])('makes %s visible', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves text in any language as it is', () => {
    const text = 'Ä 안녕 日本 🚀 ~!"';
    expect(printable(text)).toBe(text);
  });

  it('is cut off at the limit, and says so', () => {
    expect(printable('abcdef', 3)).toBe('abc…');
    expect(printable('abc', 3)).toBe('abc');
    expect(printable('x'.repeat(2000))).toHaveLength(1001);
  });
});
