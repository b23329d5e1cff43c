import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from '../../lib/errors.js';
import { Endpoints } from '../../lib/services/endpoints.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const endpoints = new Endpoints(new URL('https://registry.example/'));

function shown({ url, scopes }: { url: URL; scopes: readonly string[] }): [string, ...string[]] {
  return [url.href.replace('https://registry.example', ''), ...scopes];
}

describe('Endpoints', () => {
  it('knows where everything is, and the access it takes', () => {
    const pull = 'repository:team/app:pull';
    const push = 'repository:team/app:pull,push';
    expect(shown(endpoints.ping())).toEqual(['/v2/']);
    expect(shown(endpoints.catalog({ n: '5' }))).toEqual(['/v2/_catalog?n=5', 'registry:catalog:*']);
    expect(shown(endpoints.tags('team/app', {}))).toEqual(['/v2/team/app/tags/list', pull]);
    expect(shown(endpoints.manifest('team/app', 'v1'))).toEqual(['/v2/team/app/manifests/v1', pull]);
    expect(shown(endpoints.blob('team/app', DIGEST))).toEqual([`/v2/team/app/blobs/${DIGEST}`, pull]);
    expect(shown(endpoints.uploads('team/app'))).toEqual(['/v2/team/app/blobs/uploads/', push]);
  });

  it('asks for both repositories of a mount', () => {
    expect(shown(endpoints.mount('team/app', DIGEST, 'base'))).toEqual([
      `/v2/team/app/blobs/uploads/?mount=${encodeURIComponent(DIGEST)}&from=base`,
      'repository:team/app:pull,push',
      'repository:base:pull',
    ]);
  });

  it('knows official images of Docker Hub by their full name, and leaves all others alone', () => {
    const hub = new Endpoints(new URL('https://registry-1.docker.io/'));
    const pathOf = (repository: string) => hub.tags(repository, {}).url.pathname;
    expect([pathOf('alpine'), pathOf('library/alpine'), pathOf('team/app')]).toEqual([
      '/v2/library/alpine/tags/list',
      '/v2/library/alpine/tags/list',
      '/v2/team/app/tags/list',
    ]);
    expect(hub.mount('mine', DIGEST, 'alpine').url.searchParams.get('from')).toBe('library/alpine');
    expect(hub.mount('mine', DIGEST, 'alpine').scopes).toEqual([
      'repository:library/mine:pull,push',
      'repository:library/alpine:pull',
    ]);
    expect(hub.scope('alpine', 'delete')).toBe('repository:library/alpine:delete');
    expect(endpoints.scope('alpine', 'delete')).toBe('repository:alpine:delete');
  });

  it('keeps a path in front', () => {
    const nested = new Endpoints(new URL('https://registry.example/nested/here/'));
    expect(nested.ping().url.href).toBe('https://registry.example/nested/here/v2/');
    expect(nested.uploads('app').url.href).toBe('https://registry.example/nested/here/v2/app/blobs/uploads/');
  });

  it.each([
    '',
    'App',
    '../etc',
    'a/../b',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a?x',
    'a#x',
    'a%2fb',
    'a\r\nb',
    'ä',
    'a'.repeat(256),
  ])('lets no repository %p into a URL', (name) => {
    const all = [
      () => endpoints.tags(name, {}),
      () => endpoints.manifest(name, 'v1'),
      () => endpoints.blob(name, DIGEST),
      () => endpoints.uploads(name),
      () => endpoints.mount(name, DIGEST, 'base'),
      () => endpoints.mount('app', DIGEST, name),
    ];
    for (const each of all) expect(each).toThrow(InvalidArgumentError);
  });

  it.each([
    '',
    'sha256:',
    'sha256:../../x',
    `md5:${'a'.repeat(32)}`,
    DIGEST.toUpperCase(),
    `${DIGEST}0`,
    `sha512:${'a'.repeat(64)}`,
  ])('lets no digest %p into a URL', (digest) => {
    expect(() => endpoints.blob('app', digest)).toThrow(InvalidArgumentError);
    expect(() => endpoints.mount('app', digest, 'base')).toThrow(InvalidArgumentError);
    expect(() => endpoints.manifest('app', digest)).toThrow(InvalidArgumentError);
  });

  it.each(['.x', '-x', 'a/b', 'a b', 'a?b', 'x'.repeat(129)])('lets no tag %p into a URL', (tag) => {
    expect(() => endpoints.manifest('app', tag)).toThrow(InvalidArgumentError);
  });
});
