import { describe, expect, it } from '@jest/globals';
import type { ConnectionFlags } from '../../lib/cli/flags.js';
import { assertTag, connect, fullName, targetOf } from '../../lib/cli/target.js';
import { InvalidArgumentError, type RegistryClient } from '../../lib/index.js';
import type { ResolvedOptions } from '../../lib/options.js';
import { FakeIo } from './fake-io.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function optionsOf(client: RegistryClient): ResolvedOptions {
  return Reflect.get(client, 'options') as ResolvedOptions;
}

/** `address name`, as it would be spoken to. */
function target(reference: string, flags: ConnectionFlags = {}, env: FakeIo['env'] = {}): string {
  const { client, name } = targetOf(reference, flags, new FakeIo(env));
  return `${optionsOf(client).url.href} ${name}`;
}

function connected(address: string | undefined, flags: ConnectionFlags = {}, env: FakeIo['env'] = {}): string {
  return optionsOf(connect(address, flags, new FakeIo(env))).url.href;
}

function failureOf(work: () => unknown): InvalidArgumentError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return error as InvalidArgumentError;
  }
  throw new Error('it did not fail');
}

describe('targetOf', () => {
  it.each([
    // Without a host.
    ['app', 'http://localhost:15000/ app'],
    ['app:1', 'http://localhost:15000/ app:1'],
    ['team/sub/app:1.2', 'http://localhost:15000/ team/sub/app:1.2'],
    // With a host: loopback speaks http.
    ['localhost/app:1', 'http://localhost/ app:1'],
    ['localhost:5000/team/app:1', 'http://localhost:5000/ team/app:1'],
    ['127.0.0.1:5000/app', 'http://127.0.0.1:5000/ app'],
    ['[::1]:5000/app:1', 'http://[::1]:5000/ app:1'],
    ['registry.example.com/team/app:1', 'https://registry.example.com/ team/app:1'],
    ['registry.example.com:8443/app', 'https://registry.example.com:8443/ app'],
    ['docker.io/team/app:1', 'https://registry-1.docker.io/ team/app:1'],
    // With a scheme: the first part is a host whatever it looks like.
    ['http://registry.example.com/app:1', 'http://registry.example.com/ app:1'],
    ['https://localhost:5000/app', 'https://localhost:5000/ app'],
    ['http://registry/app:1', 'http://registry/ app:1'],
    ['http://registry:5000/team/app', 'http://registry:5000/ team/app'],
    ['http://registry/team.a/app:1', 'http://registry/ team.a/app:1'],
    ['http://[::1]:5000/app', 'http://[::1]:5000/ app'],
    ['HTTPS://Registry.Example.com/app', 'https://registry.example.com/ app'],
    ['http://user:p%40ss@registry/app:1', 'http://registry/ app:1'],
  ])('takes %s apart', (reference, expected) => {
    expect(target(reference)).toBe(expected);
  });

  it.each([
    ['', /not a repository name/],
    ['UPPER', /not a repository name/],
    ['app:', /not a tag/],
    ['app:ta g', /not a tag/],
    ['a//b', /not a repository name/],
    ['http://registry', /http:\/\/registry names a registry, but no repository in it/],
    ['http://registry/', /not a repository name/],
    ['http:///app', /not the address of a registry/],
    ['http://registry:99999/app', /not the address of a registry/],
    ['ftp://registry/app', /ftp:.* is not a registry host/],
    [`app@${DIGEST}`, /names a digest where a tag is wanted/],
    [`http://registry/app@${DIGEST}`, /names a digest where a tag is wanted/],
    ['app@sha256:1', /is not a digest/],
  ])('refuses "%s"', (reference, message) => {
    expect(failureOf(() => target(reference)).message).toMatch(message);
  });

  it.each([
    [`app@${DIGEST}`, `http://localhost:15000/ app@${DIGEST}`],
    [`http://registry/app:1@${DIGEST}`, `http://registry/ app:1@${DIGEST}`],
  ])('takes the digest of %s where one is wanted', (reference, expected) => {
    const { client, name } = targetOf(reference, {}, new FakeIo(), { digests: true });
    expect(`${optionsOf(client).url.href} ${name}`).toBe(expected);
  });

  it('keeps the parts of a name, and says what to ask the registry for', () => {
    const parts = (reference: string) => {
      const { client: _, name: __, ...rest } = targetOf(reference, {}, new FakeIo(), { digests: true });
      return rest;
    };
    expect(parts('team/app')).toEqual({
      repository: 'team/app',
      tag: undefined,
      digest: undefined,
      reference: 'latest',
    });
    expect(parts('app:1')).toMatchObject({ tag: '1', digest: undefined, reference: '1' });
    expect(parts(`app:1@${DIGEST}`)).toMatchObject({ tag: '1', digest: DIGEST, reference: DIGEST });
  });

  it('guesses no tag where an exact name is wanted', () => {
    const exact = (reference: string) =>
      targetOf(reference, {}, new FakeIo(), { digests: true, exact: true }).reference;
    expect([exact('app:1'), exact(`app@${DIGEST}`)]).toEqual(['1', DIGEST]);
    expect(failureOf(() => exact('http://user:secret@host/app')).message).toBe(
      'http://host/app has no tag. Say which one is meant.',
    );
  });

  it('goes by --registry for names without a host', () => {
    expect(target('app:1', { registry: 'registry.example.com' })).toBe('https://registry.example.com/ app:1');
    expect(target('team/app', { registry: 'http://registry:5000' })).toBe('http://registry:5000/ team/app');
  });

  it('goes by REGISTRY_URL where --registry says nothing', () => {
    const env = { REGISTRY_URL: 'https://env.example.com/prefix' };
    expect(target('app:1', {}, env)).toBe('https://env.example.com/prefix/ app:1');
    expect(target('app:1', { registry: 'localhost:5000' }, env)).toBe('http://localhost:5000/ app:1');
    expect(target('localhost:5001/app:1', {}, env)).toBe('http://localhost:5001/ app:1');
  });

  it('refuses a host in the name beside --registry', () => {
    const error = failureOf(() => target('localhost:5000/app', { registry: 'localhost:5001' }));
    expect(error.message).toBe('localhost:5000 names a registry, and so does --registry. Give only one of them.');
  });

  it('shows no password', () => {
    for (const failing of [
      () => target('http://user:secret@registry'),
      () => target(`http://user:secret@registry/app@${DIGEST}`),
      () => target('http://user:secret@registry/app', { registry: 'localhost' }),
      () => target('https://user:secret@registry/app', { plainHttp: true }),
      () => target('http://user:secret@registry:99999/app'),
      () => target('user:secret@registry/app'),
    ]) {
      expect(failureOf(failing).message).not.toContain('secret');
    }
  });
});

describe('connect', () => {
  it('speaks to the registry in the environment, or to the usual one', () => {
    expect(connected(undefined)).toBe('http://localhost:15000/');
    expect(connected(undefined, {}, { REGISTRY_URL: '' })).toBe('http://localhost:15000/');
    expect(connected(undefined, {}, { REGISTRY_URL: 'env.example.com' })).toBe('https://env.example.com/');
  });

  it('prefers --registry, and an address to all', () => {
    const env = { REGISTRY_URL: 'env.example.com' };
    expect(connected(undefined, { registry: 'flag.example.com' }, env)).toBe('https://flag.example.com/');
    expect(connected('typed.example.com', {}, env)).toBe('https://typed.example.com/');
  });

  it('refuses two addresses', () => {
    expect(failureOf(() => connected('a.example.com', { registry: 'b.example.com' })).message).toContain(
      'a.example.com names a registry, and so does --registry',
    );
  });

  it.each([
    ['registry.example.com', {}, 'http://registry.example.com/'],
    [undefined, { registry: 'registry.example.com:8080' }, 'http://registry.example.com:8080/'],
    ['http://registry.example.com', {}, 'http://registry.example.com/'],
    [undefined, {}, 'http://localhost:15000/'],
  ])('speaks plain http to %p with %p when told to', (address, flags, expected) => {
    expect(connected(address, { ...flags, plainHttp: true })).toBe(expected);
  });

  it('lets --plain-http overrule the environment, but nothing that was typed beside it', () => {
    expect(connected(undefined, { plainHttp: true }, { REGISTRY_URL: 'https://env.example.com' })).toBe(
      'http://env.example.com/',
    );
    const error = failureOf(() => connected('https://registry.example.com', { plainHttp: true }));
    expect(error.message).toBe('--plain-http asks for http, but https://registry.example.com for https');
  });

  it('accepts any certificate only when told to', () => {
    const insecure = (flags: ConnectionFlags) => optionsOf(connect('registry.test', flags, new FakeIo())).insecure;
    expect([insecure({}), insecure({ insecure: true })]).toEqual([false, true]);
  });

  it('gives a metadata request as many seconds as told', () => {
    const timeout = (flags: ConnectionFlags) => optionsOf(connect('registry.test', flags, new FakeIo())).timeout;
    expect([timeout({}), timeout({ timeout: 2 }), timeout({ timeout: 0.0001 })]).toEqual([30_000, 2000, 1]);
  });
});

describe('fullName', () => {
  const client = connect('http://user:secret@registry.test:5000/prefix', {}, new FakeIo());

  it.each([
    [{ repository: 'team/app' }, 'registry.test:5000/team/app'],
    [{ repository: 'app', tag: '1' }, 'registry.test:5000/app:1'],
    [{ repository: 'app', tag: '1', digest: DIGEST }, `registry.test:5000/app:1@${DIGEST}`],
    [{ repository: 'app', tag: undefined, digest: DIGEST }, `registry.test:5000/app@${DIGEST}`],
  ])('of %p has the host', (name, expected) => {
    expect(fullName(client, name)).toBe(expected);
  });
});

describe('assertTag', () => {
  it.each(['1', 'latest', 'v1.2_3-x', 'UPPER'])('takes %s', (tag) => {
    expect(() => assertTag(tag)).not.toThrow();
  });

  it.each(['', ' ', '.a', 'a:b', 'a/b', '5000/app', 'x'.repeat(129)])('refuses "%s"', (tag) => {
    expect(failureOf(() => assertTag(tag)).message).toContain('is not a tag');
  });

  it('refuses a digest', () => {
    for (const tag of [DIGEST, `1@${DIGEST}`]) expect(failureOf(() => assertTag(tag)).message).toMatch(/tag/);
  });
});
