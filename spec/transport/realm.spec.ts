import { describe, expect, it } from '@jest/globals';
import { AuthenticationError } from '../../lib/errors.js';
import { resolveRealm } from '../../lib/transport/realm.js';

function resolve(realm: string | undefined, registry = 'https://registry.example'): string {
  return resolveRealm({ realm, url: new URL('/v2/a/tags/list?n=1', registry) }, new URL(registry)).href;
}

describe('resolveRealm', () => {
  it.each([
    ['another host over https', 'https://auth.example/token?a=b', 'https://auth.example/token?a=b'],
    ['a public address', 'https://8.8.8.8/token', 'https://8.8.8.8/token'],
    ['a public IPv6 address', 'https://[2606:4700::1111]/token', 'https://[2606:4700::1111]/token'],
    ['a public address mapped into IPv6', 'https://[::ffff:8.8.8.8]/token', 'https://[::ffff:808:808]/token'],
    ['an absolute path', '/token', 'https://registry.example/token'],
    ['a relative path', 'token', 'https://registry.example/v2/a/tags/token'],
    ['a host without a scheme', '//auth.example/token', 'https://auth.example/token'],
  ])('allows %s', (_, realm, expected) => {
    expect(resolve(realm)).toBe(expected);
  });

  it('allows plain http when the registry is plain http', () => {
    expect(resolve('http://auth.example/token', 'http://registry.example')).toBe('http://auth.example/token');
  });

  it("allows the registry's own host, on another port too", () => {
    expect(resolve('https://10.0.0.5:5001/token', 'https://10.0.0.5:5000')).toBe('https://10.0.0.5:5001/token');
    expect(resolve('https://[fd00::1]:5001/token', 'https://[fd00::1]')).toBe('https://[fd00::1]:5001/token');
  });

  it.each(['http://localhost:5000', 'http://127.0.0.1:5000', 'http://[::1]:5000'])(
    'allows internal addresses to a registry on %s',
    (registry) => {
      expect(resolve('http://127.0.0.1:5001/token', registry)).toBe('http://127.0.0.1:5001/token');
    },
  );

  it.each(['169.254.169.254', '[fe80::1]', 'metadata.google.internal', '[::ffff:169.254.169.254]'])(
    'refuses the metadata at %s to a registry on this machine, too',
    (host) => {
      expect(() => resolve(`http://${host}/token`, 'http://localhost:5000')).toThrow(/is an internal address/);
    },
  );

  it.each([
    ['nothing', undefined, /without a realm/],
    ['an empty realm', '', /without a realm/],
    ['what is not a URL', 'https://[bad', /"https:\/\/\[bad", which is not a URL/],
    [
      'plain http for a registry with https',
      'http://auth.example/token',
      /http:\/\/auth\.example\/token, .*plain http/,
    ],
    ['another scheme', 'ftp://auth.example/token', /neither http nor https/],
    ['a file', 'file:///etc/passwd', /neither http nor https/],
    ['script', 'javascript:alert(1)', /neither http nor https/],
    ['user information', 'https://user:hunter2@auth.example/token', /user information/],
    ['a username alone', 'https://user@auth.example/token', /user information/],
    ['a fragment', 'https://auth.example/token#x', /fragment/],
    ['an empty fragment', 'https://auth.example/token#', /fragment/],
  ])('refuses %s', (_, realm, message) => {
    expect(() => resolve(realm)).toThrow(AuthenticationError);
    expect(() => resolve(realm)).toThrow(message);
    expect(() => resolve(realm)).toThrow(/^registry\.example answered with .*no credentials were sent/);
    expect(() => resolve(realm)).not.toThrow(/hunter2/);
  });

  it.each([
    'localhost',
    'LOCALHOST:8443',
    'localhost.',
    'a.localhost',
    '0.0.0.0',
    '10.1.2.3',
    '100.100.100.200',
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '017700000001',
    '127.0.0.1.',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fc00::1]',
    '[fdff::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
  ])('refuses the internal address %s', (host) => {
    expect(() => resolve(`https://${host}/token`)).toThrow(/is an internal address/);
  });

  it.each(['172.15.0.1', '172.32.0.1', '100.63.0.1', '11.0.0.1', '[2001:db8::1]', 'localhost.example'])(
    'does not take %s for internal',
    (host) => {
      expect(resolve(`https://${host}/token`)).toBe(`https://${host}/token`);
    },
  );

  it('makes control characters visible in the message', () => {
    expect(() => resolve('https://[\u001b]0;x')).toThrow(/\\u001b/);
  });

  it('shows no values of a query that may be signed', () => {
    expect(() => resolve('http://auth.example/token?key=hunter2')).not.toThrow(/hunter2/);
  });
});
