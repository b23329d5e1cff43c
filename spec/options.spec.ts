import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { HostSettings } from '../lib/config/host-settings.js';
import { InvalidArgumentError } from '../lib/errors.js';
import { type RegistryClientOptions, resolveOptions } from '../lib/options.js';

type Url = NonNullable<RegistryClientOptions['url']>;

function resolve(options: RegistryClientOptions = {}, env: Record<string, string> = {}) {
  return resolveOptions(options, env);
}

function failure(options: object, env: Record<string, string> = {}): InvalidArgumentError {
  try {
    resolve(options, env);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return error as InvalidArgumentError;
  }
  throw new Error('nothing was wrong');
}

describe('resolveOptions', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('has a default for everything', () => {
    const { url, hosts, ...rest } = resolve();
    expect(hosts).toBeInstanceOf(HostSettings);
    expect(url.href).toBe('http://localhost:15000/');
    expect(rest).toEqual({
      registry: 'localhost:15000',
      credentials: undefined,
      transport: undefined,
      insecure: false,
      concurrency: 8,
      isAdaptive: true,
      timeout: 30_000,
      idleTimeout: 60_000,
      chunkSize: undefined,
      responseTimeout: 300_000,
      retry: {},
      cache: true,
      log: undefined,
      mirrors: [],
    });
  });

  it('takes what it is given', () => {
    const given = {
      transport: { send: () => Promise.reject(new Error()) },
      insecure: true,
      concurrency: 3,
      timeout: 5,
      idleTimeout: 6,
      chunkSize: 7,
      responseTimeout: 7,
      retry: { retries: 0, baseDelay: 1 },
      log: () => undefined,
    };
    expect(resolve(given)).toMatchObject(given);
  });

  describe('the cache', () => {
    const transport = { send: () => Promise.reject(new Error()) };

    it.each([
      [{}, true],
      [{ cache: true }, true],
      [{ cache: false }, false],
      // What answers in place of a registry is a test, which nothing on the disk of its user should change.
      [{ transport }, false],
      [{ transport, cache: true }, true],
    ])('of %j is %p', (options, cache) => {
      expect(resolve(options).cache).toBe(cache);
    });
  });

  it('is frozen', () => {
    const retry = { retries: 2 };
    const options = resolve({ retry });
    expect(Object.isFrozen(options)).toBe(true);
    expect(Object.isFrozen(options.retry)).toBe(true);
    retry.retries = 99;
    expect(options.retry.retries).toBe(2);
  });

  it('does not share the URL it is given', () => {
    const url = new URL('http://registry.example/');
    const resolved = resolve({ url });
    url.host = 'other.example';
    expect(resolved.url.href).toBe('http://registry.example/');
  });

  describe('url', () => {
    it.each<[Url, string, string]>([
      ['http://registry.example', 'http://registry.example/', 'registry.example'],
      ['https://registry.example:5000', 'https://registry.example:5000/', 'registry.example:5000'],
      ['https://registry.example:443/', 'https://registry.example/', 'registry.example'],
      [new URL('https://registry.example:5000/'), 'https://registry.example:5000/', 'registry.example:5000'],
      ['HTTPS://Registry.Example', 'https://registry.example/', 'registry.example'],
      // Without a scheme loopback hosts speak http, and all others https.
      ['registry.example', 'https://registry.example/', 'registry.example'],
      ['registry:5000', 'https://registry:5000/', 'registry:5000'],
      ['10.0.0.1:5000', 'https://10.0.0.1:5000/', '10.0.0.1:5000'],
      ['localhost', 'http://localhost/', 'localhost'],
      ['localhost:5000', 'http://localhost:5000/', 'localhost:5000'],
      ['127.0.0.1:5000/', 'http://127.0.0.1:5000/', '127.0.0.1:5000'],
      ['[::1]:5000', 'http://[::1]:5000/', '[::1]:5000'],
      ['user:pass@localhost:5000', 'http://localhost:5000/', 'localhost:5000'],
      ['localhost@registry.example', 'https://registry.example/', 'registry.example'],
      ['https://localhost:5000', 'https://localhost:5000/', 'localhost:5000'],
      // A path in front of the API is kept, the API's own is not.
      ['https://registry.example/nested/here', 'https://registry.example/nested/here/', 'registry.example'],
      ['https://registry.example/v2/', 'https://registry.example/', 'registry.example'],
      ['https://registry.example/v2', 'https://registry.example/', 'registry.example'],
      ['https://registry.example/nested/v2/', 'https://registry.example/nested/', 'registry.example'],
      ['https://registry.example/v2/nested', 'https://registry.example/v2/nested/', 'registry.example'],
      ['https://registry.example//', 'https://registry.example/', 'registry.example'],
      // People say docker.io, docker login says https://index.docker.io/v1/.
      ['docker.io', 'https://registry-1.docker.io/', 'docker.io'],
      ['https://index.docker.io/v1/', 'https://registry-1.docker.io/', 'docker.io'],
      ['registry-1.docker.io', 'https://registry-1.docker.io/', 'docker.io'],
    ])('%s is %s', (url, href, registry) => {
      const resolved = resolve({ url });
      expect([resolved.url.href, resolved.registry]).toEqual([href, registry]);
    });

    it('comes from REGISTRY_URL, unless it is given or that is empty', () => {
      const env = { REGISTRY_URL: 'registry.example:5000' };
      expect(resolve({}, env).url.href).toBe('https://registry.example:5000/');
      expect(resolve({ url: 'other.example' }, env).registry).toBe('other.example');
      expect(resolve({}, { REGISTRY_URL: '' }).registry).toBe('localhost:15000');
    });

    it.each([
      '',
      ' ',
      'http://',
      'ftp://registry.example',
      'file:///etc',
      'http://a b',
      'http://x:99999',
      'http://x/?a',
      'x#y',
      'http://user:12/34@registry.example',
      'user:12/34@registry.example/path',
      'https://user:p@ss/word@registry.example',
    ])('cannot be %p', (url) => {
      const error = failure({ url });
      expect(error.code).toBe('URL_INVALID');
      expect(error.message).toMatch(
        / is not the address of a registry\. Write http:\/\/host:port or https:\/\/host\.$/,
      );
    });

    it('is named in the error, with control characters made visible', () => {
      expect(failure({ url: 'http://a b\u001b[2J' }).message).toContain('"http://a b\\u001b[2J"');
      expect(failure({}, { REGISTRY_URL: 'ftp://x' }).message).toContain('"ftp://x"');
    });
  });

  describe('user and password in the url', () => {
    const credentialsIn = (url: string) => resolve({ url }).credentials?.('registry.example');

    it.each([
      ['https://user:pass@registry.example', 'user', 'pass'],
      ['user:pass@registry.example', 'user', 'pass'],
      ['https://user@registry.example', 'user', ''],
      ['https://us%40er:p%3A%2F%C3%A4@registry.example', 'us@er', 'p:/ä'],
      ['https://us%er:p%zz@registry.example', 'us%er', 'p%zz'],
    ])('of %s are credentials', async (url, username, password) => {
      await expect(credentialsIn(url)).resolves.toEqual({ username, password });
    });

    it('are no part of the address', () => {
      const { url, registry } = resolve({ url: 'https://user:pass@registry.example' });
      expect([url.href, registry]).toEqual(['https://registry.example/', 'registry.example']);
    });

    it('give way to credentials of their own', async () => {
      const url = 'https://user:pass@registry.example';
      await expect(resolve({ url, credentials: 'anonymous' }).credentials?.('x')).resolves.toBeUndefined();
    });

    it.each([
      'http://user:hunter2@',
      'http://user:hunter2@host name',
      'http://user:hunter2/x@host',
      'http://user:hunter2@host/?x',
      'ftp://user:hunter2@host',
      'user:hunter2@host name',
      'user:hun@ter2@host name',
      'http://user:hunter2@host:99999/a@b',
      'http://user:hunter2\n@host name',
    ])('are not shown by the error for %p', (url) => {
      const { message, stack } = failure({ url });
      expect(`${message}${stack}`).not.toMatch(/hunter2|ter2/);
    });

    it('are shown by no error, whatever is around them', () => {
      const around = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
      const property = fc.property(around, around, (before, after) => {
        const url = `http://user:${before}hunter2@${after}`;
        try {
          resolve({ url });
        } catch (error) {
          expect(String(error)).not.toContain('hunter2');
        }
      });
      fc.assert(property, { seed: 1, numRuns: 500 });
    });
  });

  describe('credentials', () => {
    it('are found by a function, whatever was given', async () => {
      const given = { username: 'user', password: 'pass' };
      await expect(resolve({ credentials: given }).credentials?.('x')).resolves.toEqual(given);
      const provider = () => Promise.resolve(given);
      expect(resolve({ credentials: provider }).credentials).toBe(provider);
      await expect(resolve({ credentials: 'anonymous' }).credentials?.('x')).resolves.toBeUndefined();
    });

    it('are not shown where the options are printed', () => {
      const options = resolve({
        url: 'https://user:hunter2@registry.example',
        credentials: { username: 'user', password: 'hunter2' },
      });
      expect(inspect(options, { depth: 10, showHidden: true }) + JSON.stringify(options)).not.toContain('hunter2');
    });

    it.each([
      [{ username: 'user' }],
      [{ username: 'us:er', password: 'hunter2' }],
      [{ username: 'user', password: 'hunter2\n' }],
      [{}],
      ['user:hunter2'],
    ])('%p fail at once', (credentials) => {
      const error = failure({ credentials });
      expect(error.code).toBe('CREDENTIALS_INVALID');
      expect(error.message).not.toContain('hunter2');
    });
  });

  describe('timeout', () => {
    it('comes from REGISTRY_TIMEOUT, in seconds, unless it is given', () => {
      expect(resolve({}, { REGISTRY_TIMEOUT: '5' }).timeout).toBe(5000);
      expect(resolve({}, { REGISTRY_TIMEOUT: '0.25' }).timeout).toBe(250);
      expect(resolve({}, { REGISTRY_TIMEOUT: '' }).timeout).toBe(30_000);
      expect(resolve({ timeout: 1234 }, { REGISTRY_TIMEOUT: '5' }).timeout).toBe(1234);
    });

    it.each(['0', '-1', 'soon', '5s', 'Infinity', 'NaN', '99999999'])('cannot be %p in REGISTRY_TIMEOUT', (seconds) => {
      expect(failure({}, { REGISTRY_TIMEOUT: seconds }).message).toContain(`REGISTRY_TIMEOUT is "${seconds}"`);
    });
  });

  it.each([
    ['concurrency', 0],
    ['concurrency', 1001],
    ['concurrency', 1.5],
    ['concurrency', NaN],
    ['concurrency', '8'],
    ['timeout', 0],
    ['timeout', -1],
    ['timeout', Infinity],
    ['timeout', 2 ** 31],
    ['idleTimeout', 0],
    ['idleTimeout', 2 ** 31],
    ['chunkSize', 0],
    ['chunkSize', 64 * 1024 * 1024 + 1],
    ['chunkSize', 1.5],
    ['responseTimeout', 0],
  ])('%s cannot be %p', (name, value) => {
    const error = failure({ [name]: value });
    expect(error.message).toMatch(
      new RegExp(`^the option ${name} is .*\\. It takes a whole number from 1 to \\d+\\.$`),
    );
  });

  it.each([
    ['retries', -1],
    ['retries', NaN],
    ['retries', Infinity],
    ['retries', 101],
    ['baseDelay', -1],
    ['maxDelay', 2 ** 31],
    ['maxRetryAfter', 0.5],
  ])('retry.%s cannot be %p', (name, value) => {
    expect(failure({ retry: { [name]: value } }).message).toContain(`the option retry.${name} is ${value}`);
  });

  it('takes no class for a transport', () => {
    expect(failure({ transport: class {} }).message).toMatch(
      /^the option transport has no method send\. Give an instance/,
    );
  });

  describe('log', () => {
    it('writes to standard error when REGISTRY_DEBUG is true', () => {
      const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
      resolve({}, { REGISTRY_DEBUG: 'true' }).log?.('a line');
      expect(write.mock.calls).toEqual([['a line\n']]);
    });

    it('is the function that is given, also then', () => {
      const log = jest.fn();
      expect(resolve({ log }, { REGISTRY_DEBUG: 'true' }).log).toBe(log);
    });

    it('is nobody otherwise', () => {
      expect(resolve({}, { REGISTRY_DEBUG: 'false' }).log).toBeUndefined();
    });
  });

  it('reads the environment of the process unless told otherwise', () => {
    jest.replaceProperty(process, 'env', { REGISTRY_URL: 'https://from.example' });
    expect(resolveOptions().registry).toBe('from.example');
    expect(resolveOptions({ url: 'given.example' }).registry).toBe('given.example');
  });
});
