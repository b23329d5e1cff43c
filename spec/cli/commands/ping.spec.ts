import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client ping', () => {
  const registry = new Listening();

  it.each([
    ['an address', (url: string) => [url], {}],
    ['--registry', (url: string) => ['--registry', url], {}],
  ])('prints the host of a registry that is there, for %s', async (_, args, env) => {
    expect(await cli(['ping', ...args(registry.url)], env)).toEqual({ code: 0, out: `${registry.host}\n`, err: '' });
  });

  it('goes by the environment', async () => {
    expect((await cli(['ping'], { REGISTRY_URL: registry.url })).out).toBe(`${registry.host}\n`);
  });

  it('prints JSON', async () => {
    const { code, out, err } = await cli(['ping', registry.url, '--json']);
    expect([code, JSON.parse(out), err]).toEqual([0, { registry: registry.host }, '']);
  });

  it('prints the same when it is quiet, and says what is wrong all the same', async () => {
    expect(await cli(['ping', registry.url, '-q'])).toEqual({ code: 0, out: `${registry.host}\n`, err: '' });
    const { code, out, err } = await cli(['ping', '127.0.0.1:1', '-q', '--json']);
    expect([code, out, err]).toEqual([1, '', expect.stringMatching(/^error: /)]);
  });

  it('notices a port that is no registry', async () => {
    const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { code, out, err } = await cli(['ping', `127.0.0.1:${(server.address() as AddressInfo).port}`]);
    server.close();
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('no answer of a registry');
  });

  it('says where nobody listens, and what to try', async () => {
    const { code, err } = await cli(['ping', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: .*ECONNREFUSED.*Is the registry running/);
  });
});
