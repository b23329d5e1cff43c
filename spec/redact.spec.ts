import { describe, expect, it } from '@jest/globals';
import { printable, redactText, redactUrl } from '../lib/redact.js';

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

  it.each([
    ['a parameter without a value', '?s3cr3t'],
    ['a parameter with an empty value', '?s3cr3t='],
    ['a name that is no name', `?${'s3cr3t'.repeat(10)}=1`],
    ['what hides behind a public one', '?digest=sha256:abc;sig=s3cr3t'],
    ['what hides in a public one', '?from=a%26sig=s3cr3t'],
    ['a parameter of the path', '/uploads;token=s3cr3t/1;x=s3cr3t'],
  ])('hides %s', (_, rest) => {
    expect(redactUrl(`http://localhost/${rest}`)).not.toContain('s3cr3t');
  });

  it('hides a fragment that carries a token', () => {
    expect(redactUrl('http://localhost/#access_token=s3cr3t')).not.toContain('s3cr3t');
  });
});

describe('redactText', () => {
  it.each([
    ['see https://store.example/x?sig=s3cr3t.', 'see https://store.example/x?sig=REDACTED'],
    ['"http://alice:s3cr3t@localhost/" is wrong', '"http://localhost/" is wrong'],
    ['not http://[s3cr3t', 'not REDACTED'],
    ['Authorization: Basic YWxpY2U6czNjcjN0czNjcjN0', 'Authorization: Basic REDACTED'],
    ['bearer abcdefghijklmnop0 was refused', 'bearer REDACTED was refused'],
    ['got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', 'got REDACTED'],
  ])('takes the secret out of %p', (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  it.each(['Basic authentication is off', 'bearer tokens only', 'manifest unknown', 'sha256:0123456789abcdef'])(
    'leaves %p as it is',
    (text) => {
      expect(redactText(text)).toBe(text);
    },
  );

  it('is quick with any text', () => {
    const start = performance.now();
    for (const part of ['Basic ', 'eyJ', 'http://', 'eyJaaaaaaaa.', 'Bearer AAAAAAAAAAAAAAAA'])
      redactText(part.repeat(20_000));
    expect(performance.now() - start).toBeLessThan(3000);
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
