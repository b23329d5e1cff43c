import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Hosts } from '../../lib/config/hosts.js';
import type { HostOptions, HostsOptions } from '../../lib/config/host-options.js';
import { InvalidArgumentError } from '../../lib/errors.js';

function failure(options: unknown): InvalidArgumentError {
  try {
    new Hosts(options as HostsOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return error as InvalidArgumentError;
  }
  throw new Error('nothing was wrong');
}

const at = (hosts: Hosts, host: string, scheme = 'https'): HostOptions => hosts.at(new URL(`${scheme}://${host}`));

describe('Hosts', () => {
  it('has nothing for a host nobody has named', () => {
    expect(at(new Hosts({ 'a.test': { concurrency: 1 } }), 'b.test')).toEqual({});
    expect(at(new Hosts(), 'b.test')).toEqual({});
  });

  it('takes the more specific entry, field by field', () => {
    const hosts = new Hosts({
      'a.corp.test': { concurrency: 1 },
      '*.corp.test': { concurrency: 2, chunkSize: 20 },
      '*.test': { concurrency: 3, chunkSize: 30, insecure: false },
      '*': { concurrency: 4, requestsPerSecond: 4 },
    });
    expect(at(hosts, 'a.corp.test')).toEqual({
      concurrency: 1,
      chunkSize: 20,
      insecure: false,
      requestsPerSecond: 4,
    });
    expect(at(hosts, 'corp.test')).toEqual({ concurrency: 3, chunkSize: 30, insecure: false, requestsPerSecond: 4 });
    expect(at(hosts, 'elsewhere')).toEqual({ concurrency: 4, requestsPerSecond: 4 });
  });

  it('tells ports apart', () => {
    const hosts = new Hosts({
      'a.test:5000': { concurrency: 1 },
      '*.test:5000': { chunkSize: 1 },
      '[::1]:5000': { chunkSize: 2 },
    });
    expect(at(hosts, 'a.test:5000')).toEqual({ concurrency: 1, chunkSize: 1 });
    expect(at(hosts, 'a.test')).toEqual({});
    expect(at(hosts, '[::1]:5000')).toEqual({ chunkSize: 2 });
  });

  it('knows the port of a scheme, written or not, and takes the entry that writes it first', () => {
    const hosts = new Hosts({
      'a.test:443': { concurrency: 1 },
      '*.test:443': { chunkSize: 1 },
      'b.test:80': { chunkSize: 2 },
    });
    expect(at(hosts, 'a.test')).toEqual({ concurrency: 1, chunkSize: 1 });
    expect(at(hosts, 'a.test:443')).toEqual({ concurrency: 1, chunkSize: 1 });
    expect([at(hosts, 'a.test', 'http'), at(hosts, 'a.test:5000'), at(hosts, 'b.test')]).toEqual([
      {},
      {},
      { chunkSize: 1 },
    ]);
    expect(at(hosts, 'b.test', 'http')).toEqual({ chunkSize: 2 });
    const both = new Hosts({ 'a.test:443': { concurrency: 1 }, 'a.test': { concurrency: 2, chunkSize: 2 } });
    expect(at(both, 'a.test')).toEqual({ concurrency: 1, chunkSize: 2 });
  });

  it('knows Docker Hub by all its names', () => {
    expect(at(new Hosts({ 'Docker.io': { concurrency: 1 } }), 'registry-1.docker.io')).toEqual({ concurrency: 1 });
  });

  it('shows nothing of what it holds', () => {
    const hosts = new Hosts({
      'a.test': { credentials: { username: 'me', password: 'hunter22' }, headers: { x: 'hunter22' } },
    });
    expect(inspect(hosts, { depth: 9, showHidden: true }) + JSON.stringify(hosts)).not.toContain('hunter22');
  });

  it.each<[unknown, string]>([
    [[], 'the option hosts is not an object'],
    [{ 'http://a.test': {} }, 'the option hosts["http://a.test"] is not about a host'],
    [{ 'a.test/path': {} }, 'is not about a host'],
    [{ 'a.*.test': {} }, 'is not about a host'],
    [{ '': {} }, 'is not about a host'],
    [{ 'a.test': 1 }, 'the option hosts["a.test"] is not an object'],
    [{ 'a.test': { concurency: 1 } }, 'the option hosts["a.test"].concurency is unknown. Did you mean concurrency?'],
    [{ 'a.test': { tls: { CA: 'x' } } }, 'hosts["a.test"].tls.CA is unknown. Did you mean ca?'],
    [{ 'a.test': { zzzzzz: 1 } }, 'hosts["a.test"].zzzzzz is unknown. Known are credentials, plainHttp,'],
    [{ 'a.test': { constructor: 1 } }, 'is unknown'],
    [{ 'a.test': { concurrency: 0 } }, 'the option hosts["a.test"].concurrency is 0'],
    [{ 'a.test': { concurrency: '8' } }, 'concurrency is 8'],
    [{ 'a.test': { chunkSize: 2 ** 30 } }, 'chunkSize is 1073741824'],
    [{ 'a.test': { requestsPerSecond: 0 } }, 'requestsPerSecond is 0. It takes a number from 0.01 to 10000.'],
    [{ 'a.test': { requestsPerSecond: NaN } }, 'requestsPerSecond is NaN'],
    [{ 'a.test': { insecure: 'no' } }, 'insecure is a text. It takes true or false.'],
    [{ 'a.test': { tls: { ca: 7 } } }, 'tls.ca is 7. It takes PEM, or the path of a file'],
    [{ 'a.test': { tls: { ca: [''] } } }, 'tls.ca is a text'],
    [{ 'a.test': { proxy: 'socks5://me:hunter22@x' } }, 'is "socks5://x", which is not the address of an HTTP proxy'],
    [{ 'a.test': { mirrors: 'b.test' } }, 'mirrors is not a list'],
    [{ 'a.test': { mirrors: [1] } }, 'mirrors[0] is not a text'],
    [
      { 'a.test': { headers: { Authorization: 'x' } } },
      'headers["Authorization"] cannot be set. Use the option credentials.',
    ],
    [{ 'a.test': { headers: { host: 'x' } } }, 'headers["host"] cannot be set'],
    [{ 'a.test': { headers: { 'x y': 'x' } } }, 'is not the name of a header'],
    [{ 'a.test': { headers: { x: 'a\r\nb: hunter22' } } }, 'headers["x"] has a value that cannot be sent'],
    [{ 'a.test': { credentials: { username: 'me' } } }, 'hosts["a.test"].credentials have no password'],
    [{ '*': { headers: { x: 'y' } } }, 'the option hosts["*"].headers would hold for every host there is'],
    [{ '*': { tls: { cert: 'x', key: 'y' } } }, 'hosts["*"].tls.cert would hold for every host'],
    [{ '*': { credentials: 'anonymous' } }, 'hosts["*"].credentials would hold'],
  ])('refuses %j', (options, message) => {
    const error = failure(options);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('hunter22');
  });
});
