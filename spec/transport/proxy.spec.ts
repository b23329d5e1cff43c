import { describe, expect, it } from '@jest/globals';
import { parseProxy, proxyAuthorization, proxyFromEnvironment } from '../../lib/transport/proxy.js';

describe('proxyFromEnvironment', () => {
  const env = { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY: 'secure:2' };
  const proxyFor = (url: string, more: Record<string, string> = {}) =>
    proxyFromEnvironment(new URL(url), { ...env, ...more })?.href;

  it('goes by the scheme of what is asked for', () => {
    expect(proxyFor('http://registry.test')).toBe('http://plain:1/');
    expect(proxyFor('https://registry.test')).toBe('http://secure:2/');
    expect(proxyFromEnvironment(new URL('https://registry.test'), { HTTP_PROXY: 'http://plain:1' })).toBeUndefined();
  });

  it('prefers small letters, and takes an empty variable for none', () => {
    expect(proxyFor('http://registry.test', { http_proxy: 'small:3' })).toBe('http://small:3/');
    expect(proxyFor('http://registry.test', { http_proxy: '', HTTP_PROXY: '' })).toBeUndefined();
  });

  it('names the variable that holds no address', () => {
    expect(() => proxyFor('http://registry.test', { HTTP_PROXY: 'socks5://x' })).toThrow(
      /^HTTP_PROXY is "socks5:\/\/x"/,
    );
  });

  it.each(['http://localhost', 'http://127.0.0.2:5000', 'http://[::1]:5000', 'https://app.localhost'])(
    'is none for %s',
    (url) => expect(proxyFor(url)).toBeUndefined(),
  );

  it.each([
    ['*', 'https://registry.test', true],
    ['other.test,*', 'https://registry.test', true],
    ['registry.test', 'https://registry.test', true],
    ['REGISTRY.test', 'https://registry.test', true],
    [' other.test , registry.test ', 'https://registry.test', true],
    ['registry.test', 'https://a.registry.test', true],
    ['registry.test', 'https://myregistry.test', false],
    ['.registry.test', 'https://a.registry.test', true],
    ['.registry.test', 'https://registry.test', false],
    ['*.registry.test', 'https://a.b.registry.test', true],
    ['registry.test:5000', 'https://registry.test:5000', true],
    ['registry.test:5000', 'https://registry.test', false],
    ['registry.test:443', 'https://registry.test', true],
    ['registry.test:80', 'http://registry.test', true],
    ['.test:443', 'https://registry.test:5000', false],
    ['10.0.0.0/8', 'https://10.1.2.3:5000', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/8', 'https://registry.test', false],
    ['10.0.0.0/33', 'https://10.1.2.3', false],
    ['192.168.1.5', 'https://192.168.1.5', true],
    ['192.168.1.5:5000', 'https://192.168.1.5:5001', false],
    ['192.168.1.5', 'https://192.168.1.55', false],
    ['fd00::/8', 'https://[fd00::1]:5000', true],
    ['fd00::1', 'https://[fd00:0::1]', true],
    ['[fd00::1]', 'https://[fd00::1]', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5001', false],
    ['fd00::/8', 'https://[fe00::1]', false],
    ['', 'https://registry.test', false],
    [',,', 'https://registry.test', false],
  ])('NO_PROXY=%s and %s: excepted %p', (NO_PROXY, url, isExcepted) => {
    expect(proxyFor(url, { NO_PROXY }) === undefined).toBe(isExcepted);
    expect(proxyFor(url, { no_proxy: NO_PROXY }) === undefined).toBe(isExcepted);
  });
});

describe('proxyAuthorization', () => {
  const header = (address: string) => proxyAuthorization(parseProxy(address, 'the option proxy'));

  it('is what stands before the @', () => {
    const basic = (pair: string) => ({ 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` });
    expect(header('http://proxy:1')).toEqual({});
    expect(header('http://me:p%40ss@proxy:1')).toEqual(basic('me:p@ss'));
    expect(header('me:100%@proxy:1')).toEqual(basic('me:100%'));
    expect(header('http://me@proxy')).toEqual(basic('me:'));
  });
});
