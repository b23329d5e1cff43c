import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressIn, uploadLocation, withDigest } from '../../lib/services/location.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ENCODED = encodeURIComponent(DIGEST);

function locate(location: string | undefined, from = 'https://registry.example/v2/app/blobs/uploads/'): string {
  const headers = location === undefined ? {} : { location };
  return uploadLocation({ status: 202, url: new URL(from), headers }, 'starting an upload to app').href;
}

describe('uploadLocation', () => {
  it.each([
    ['/v2/app/blobs/uploads/1?_state=a%2Bb', 'https://registry.example/v2/app/blobs/uploads/1?_state=a%2Bb'],
    ['1?_state=x', 'https://registry.example/v2/app/blobs/uploads/1?_state=x'],
    ['//registry.example/v2/x', 'https://registry.example/v2/x'],
    ['https://registry.example:443/v2/x', 'https://registry.example/v2/x'],
    ['https://uploads.example/x?sig=a%2Bb+c%2Fd%3D&e=%7E', 'https://uploads.example/x?sig=a%2Bb+c%2Fd%3D&e=%7E'],
    ['https://user:password@uploads.example/x', 'https://uploads.example/x'],
    ['https://10.0.0.7:5000/x', 'https://10.0.0.7:5000/x'],
  ])('takes %s as %s', (location, url) => {
    expect(locate(location)).toBe(url);
  });

  it('takes our scheme and port where a registry behind a TLS proxy does not know them', () => {
    expect(locate('http://registry.example/v2/x?y')).toBe('https://registry.example/v2/x?y');
    const from = 'https://registry.example:8443/v2/app/blobs/uploads/';
    expect(locate('http://registry.example/v2/x', from)).toBe('https://registry.example:8443/v2/x');
    expect(locate('http://registry.example:5000/v2/x', from)).toBe('https://registry.example:8443/v2/x');
  });

  it('lets plain http stay plain http, and become https', () => {
    const from = 'http://registry.example/v2/app/blobs/uploads/';
    expect(locate('http://uploads.example/x', from)).toBe('http://uploads.example/x');
    expect(locate('https://uploads.example/x', from)).toBe('https://uploads.example/x');
    expect(locate('http://127.0.0.1:9000/x', 'http://localhost:5000/v2/')).toBe('http://127.0.0.1:9000/x');
  });

  it.each([
    [undefined, 'without a Location'],
    ['', 'without a Location'],
    ['http://', 'with the Location "http://", which is no address'],
    ['https://a b/\u001b[2J', 'with the Location "https://a b/\\u001b[2J", which is no address'],
    ['https://a b/?sig=secret', 'with the Location "https://a b/?…", which is no address'],
    ['ftp://registry.example/x', 'with a Location that starts with ftp:'],
    ['javascript:alert(1)', 'with a Location that starts with javascript:'],
    ['http://uploads.example/x', 'with a Location on plain http at uploads.example'],
    ['https://169.254.169.254/x', 'with an internal Location at 169.254.169.254'],
    ['https://localhost/x', 'with an internal Location at localhost'],
  ])('refuses %p', (location, why) => {
    expect(() => locate(location)).toThrow(
      expect.objectContaining({
        name: 'RegistryError',
        code: 'LOCATION_INVALID',
        status: 202,
        message: `starting an upload to app: https://registry.example/v2/app/blobs/uploads/ answered 202 ${why}. Is this the address of a registry?`,
      }),
    );
  });
});

describe('addressIn', () => {
  it('is undefined where there is none', () => {
    expect(addressIn('http://', new URL('https://registry.example'))).toBeUndefined();
  });
});

describe('withDigest', () => {
  it.each([
    ['https://r.example/u/1', `?digest=${ENCODED}`],
    ['https://r.example/u/1?', `?digest=${ENCODED}`],
    ['https://r.example/u/1?_state=a', `?_state=a&digest=${ENCODED}`],
    ['https://r.example/u/1?digest=old&_state=a', `?_state=a&digest=${ENCODED}`],
    ['https://r.example/u/1?a=1&digest=x&b=2&digest', `?a=1&b=2&digest=${ENCODED}`],
    ['https://r.example/u/1?digest=', `?digest=${ENCODED}`],
    ['https://r.example/u/1?digest-algorithm=sha512', `?digest-algorithm=sha512&digest=${ENCODED}`],
    ['https://r.example/u/1?xdigest=1#here', `?xdigest=1&digest=${ENCODED}`],
    ['https://r.example/u/1?sig=a%2Bb+c%2fd%3D%3d&e=%7E~&&f', `?sig=a%2Bb+c%2fd%3D%3d&e=%7E~&&f&digest=${ENCODED}`],
  ])('of %s', (location, search) => {
    const url = withDigest(new URL(location), DIGEST);
    expect(url.href).toBe(`https://r.example/u/1${search}`);
  });

  it('leaves the location as it is', () => {
    const location = new URL('https://r.example/u/1?a=1');
    withDigest(location, DIGEST);
    expect(location.href).toBe('https://r.example/u/1?a=1');
  });

  const part = fc.stringMatching(/^[A-Za-z0-9%+=~._/:;@!$*-]{0,12}$/);

  it('keeps every other parameter byte for byte, in its order, and has one digest', () => {
    const property = fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const location = new URL(`https://r.example/u/1?${parts.join('&')}`);
      const kept = location.search
        .slice(1)
        .split('&')
        .filter((each) => !/^digest(=|$)/.test(each));
      const result = withDigest(location, DIGEST);
      const expected = location.search === '' ? [] : kept;
      expect(result.search).toBe(`?${[...expected, `digest=${ENCODED}`].join('&')}`);
      expect(result.searchParams.getAll('digest')).toEqual([DIGEST]);
      expect(result.origin + result.pathname).toBe(location.origin + location.pathname);
    });
    fc.assert(property, { seed: 1, numRuns: 300 });
  });

  it('changes nothing when it is done twice', () => {
    const property = fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const once = withDigest(new URL(`https://r.example/u/1?${parts.join('&')}`), DIGEST);
      expect(withDigest(once, DIGEST).href).toBe(once.href);
    });
    fc.assert(property, { seed: 1, numRuns: 300 });
  });
});
