import { describe, expect, it } from '@jest/globals';
import { accessNeeded, covers, formatScope, parseScope } from '../../lib/embedded/access.js';

describe('parseScope', () => {
  it.each(['repository:team/app:pull,push', 'registry:catalog:*', 'repository:host:5000/app:pull'])(
    'reads %s',
    (scope) => {
      expect(formatScope(parseScope(scope)!)).toBe(scope);
    },
  );

  it('gives a name that holds a colon all of it', () => {
    expect(parseScope('repository:host:5000/app:pull')).toMatchObject({ name: 'host:5000/app', actions: ['pull'] });
  });

  it.each(['', 'repository', 'repository:app', 'repository:app:', ':app:pull'])('does not know "%s"', (scope) => {
    expect(parseScope(scope)).toBeUndefined();
  });
});

describe('accessNeeded', () => {
  it.each([
    ['GET', '/v2/', ''],
    ['GET', '/v2/_catalog?n=1', 'registry:catalog:*'],
    ['GET', '/v2/team/app/tags/list', 'repository:team/app:pull'],
    ['HEAD', '/v2/team/app/blobs/sha256:00', 'repository:team/app:pull'],
    ['GET', '/v2/team/app/blobs/uploads/id', 'repository:team/app:pull'],
    ['POST', '/v2/team/app/blobs/uploads/', 'repository:team/app:pull,push'],
    ['PATCH', '/v2/team/app/blobs/uploads/id', 'repository:team/app:pull,push'],
    ['PUT', '/v2/team/app/manifests/1', 'repository:team/app:pull,push'],
    ['DELETE', '/v2/team/app/manifests/1', 'repository:team/app:delete'],
    ['DELETE', '/v2/team/app/blobs/uploads/id', 'repository:team/app:delete'],
    [
      'POST',
      '/v2/app/blobs/uploads/?mount=sha256:00&from=other/app',
      'repository:app:pull,push repository:other/app:pull',
    ],
    ['POST', '/v2/app/blobs/uploads/?mount=sha256:00&from=No%20Name', 'repository:app:pull,push'],
    // The registry would mount from it, too: a fragment means nothing to a server.
    [
      'POST',
      '/v2/app/blobs/uploads/?mount=sha256:00#&from=other/app',
      'repository:app:pull,push repository:other/app:pull',
    ],
    ['GET', '/no/such/path', ''],
    ['GET', '//', ''],
  ])('of %s %s is "%s"', (method, target, scopes) => {
    expect(accessNeeded(method, target).map(formatScope).join(' ')).toBe(scopes);
  });

  it.each(['/v2/App/tags/list', '/v2/a"b/tags/list', '/v2/a%0d%0ab/tags/list', '/v2/%/tags/list'])(
    'refuses the path %s',
    (target) => {
      expect(() => accessNeeded('GET', target)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
    },
  );
});

describe('covers', () => {
  const scopes = (...texts: string[]) => texts.map((text) => parseScope(text)!);

  it.each([
    [['repository:app:pull,push'], ['repository:app:pull'], true],
    [['repository:app:pull'], ['repository:app:pull,push'], false],
    [['repository:app:pull', 'repository:app:push'], ['repository:app:pull,push'], true],
    [['repository:app:*'], ['repository:app:delete'], true],
    [['repository:other:pull'], ['repository:app:pull'], false],
    [['registry:app:pull'], ['repository:app:pull'], false],
    [['repository:app:pull'], ['repository:app:pull', 'repository:other:pull'], false],
    [[], [], true],
  ])('%j for %j: %s', (granted, needed, expected) => {
    expect(covers(scopes(...granted), scopes(...needed))).toBe(expected);
  });
});
