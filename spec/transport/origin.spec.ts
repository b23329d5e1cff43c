import { describe, expect, it } from '@jest/globals';
import { isInternal, isLinkLocal, isLoopback, leadsInside, sameOrigin } from '../../lib/transport/origin.js';

describe('sameOrigin', () => {
  it.each([
    ['https://a.example/x', 'https://a.example/y?z'],
    ['https://a.example', 'https://a.example:443'],
    ['http://a.example', 'http://A.EXAMPLE:80/'],
    ['http://u:p@a.example', 'http://a.example'],
  ])('%s and %s', (a, b) => {
    expect(sameOrigin(new URL(a), new URL(b))).toBe(true);
  });

  it.each([
    ['https://a.example', 'http://a.example'],
    ['https://a.example', 'https://b.example'],
    ['https://a.example', 'https://a.example:8443'],
    ['https://a.example', 'https://a.example.b.example'],
    ['http://a.example:443', 'https://a.example'],
  ])('not %s and %s', (a, b) => {
    expect(sameOrigin(new URL(a), new URL(b))).toBe(false);
  });
});

describe('isLoopback', () => {
  it.each(['localhost', 'LOCALHOST', 'registry.localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]'])('%s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['', 'localhost.example', 'notlocalhost', '128.0.0.1', '127.0.0.1.example', '10.0.0.1', '::2'])(
    'not %p',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe('leadsInside', () => {
  const registry = new URL('https://registry.example/v2/');

  it.each([
    'http://localhost/x',
    'https://localhost.:8443/x',
    'http://127.0.0.1/x',
    'http://2130706433/x',
    'http://0.0.0.0/x',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/x',
    'http://[::]/x',
    'http://[fe80::1]/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://[::ffff:127.0.0.1]/x',
  ])('a registry out there, to %s', (target) => {
    expect(leadsInside(registry, new URL(target))).toBe(true);
  });

  it.each(['https://storage.example/x', 'https://registry.example/x', 'https://10.0.0.1/x', 'https://[2001:db8::1]/x'])(
    'not a registry out there, to %s',
    (target) => {
      expect(leadsInside(registry, new URL(target))).toBe(false);
    },
  );

  it.each([
    'http://169.254.169.254/x',
    'http://[::ffff:a9fe:a9fe]/x',
    'http://[64:ff9b::a9fe:a9fe]/x',
    'http://[fd00:ec2::254]/x',
    'http://100.100.100.200/x',
    'http://metadata.google.internal./x',
    'http://0xa9fea9fe/x',
  ])('a registry on this machine, to %s', (target) => {
    expect(leadsInside(new URL('http://localhost:5000'), new URL(target))).toBe(true);
    expect(isLinkLocal(new URL(target).hostname)).toBe(true);
  });

  it('not a registry on the link, to a neighbour', () => {
    expect(leadsInside(new URL('http://169.254.7.7:5000'), new URL('http://169.254.7.8:9000/x'))).toBe(false);
  });

  it('not a registry on this machine', () => {
    expect(leadsInside(new URL('http://localhost:5000'), new URL('http://127.0.0.1:9000/x'))).toBe(false);
  });
});

describe('isInternal', () => {
  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    '127.0.0.1',
    'localhost',
    '[fd00::1]',
    '[::ffff:10.0.0.1]',
  ])('%s', (host) => {
    expect(isInternal(host)).toBe(true);
  });

  it.each(['8.8.8.8', '172.32.0.1', 'registry.example', '[2606:4700::1111]', '10.0.0.1.example'])('not %s', (host) => {
    expect(isInternal(host)).toBe(false);
  });
});
