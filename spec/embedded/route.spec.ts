import { describe, expect, it } from '@jest/globals';
import { routeOf, splitTarget } from '../../lib/embedded/route.js';

describe('splitTarget', () => {
  it('takes all behind the first question mark for the query', () => {
    const { path, query } = splitTarget('/v2/app/tags/list?n=1&last=a?b#c');
    expect([path, query.get('n'), query.get('last')]).toEqual(['/v2/app/tags/list', '1', 'a?b#c']);
    expect([splitTarget('//').path, splitTarget('//').query.size]).toEqual(['//', 0]);
  });
});

describe('routeOf', () => {
  it.each([
    ['/v2/', 'base', '', ''],
    ['/v2', 'base', '', ''],
    ['/v2/_catalog', 'catalog', '', ''],
    ['/v2/app/tags/list', 'tags', 'app', ''],
    ['/v2/team/app/manifests/v1', 'manifest', 'team/app', 'v1'],
    ['/v2/app/blobs/sha256:00', 'blob', 'app', 'sha256:00'],
    ['/v2/app/referrers/sha256:00', 'referrers', 'app', 'sha256:00'],
    ['/v2/team/app/blobs/uploads/', 'uploads', 'team/app', ''],
    ['/v2/app/blobs/uploads/an-id', 'upload', 'app', 'an-id'],
  ])('reads %s as %s', (path, endpoint, repository, reference) => {
    expect(routeOf(path)).toEqual({ endpoint, repository, reference });
  });

  it.each([
    ['/v2/blobs/uploads/manifests/v1', 'manifest', 'blobs/uploads', 'v1'],
    ['/v2/manifests/tags/list', 'tags', 'manifests', ''],
    ['/v2/tags/list/blobs/uploads/', 'uploads', 'tags/list', ''],
    ['/v2/tags/list/manifests/list', 'manifest', 'tags/list', 'list'],
  ])('does not mistake a part of the repository for an endpoint in %s', (path, endpoint, repository, reference) => {
    expect(routeOf(path)).toEqual({ endpoint, repository, reference });
  });

  it.each(['/', '', '/v1/', '/v2/app', '/v2/app/tags', '/v2/app/tags/all', '/v2/app/images/v1', 'v2/', '//v2/'])(
    'knows no endpoint %s',
    (path) => {
      expect(routeOf(path)).toBeUndefined();
    },
  );

  it('decodes every part once', () => {
    expect(routeOf('/v2/app/blobs/sha256%3Aab')?.reference).toBe('sha256:ab');
    expect(routeOf('/v2/app/manifests/a%252Fb')?.reference).toBe('a%2Fb');
    expect(routeOf('/v2/team%2Fapp/tags/list')?.repository).toBe('team/app');
  });

  it('refuses broken percent-encoding', () => {
    expect(() => routeOf('/v2/app/manifests/%zz')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', status: 400 }),
    );
  });
});
