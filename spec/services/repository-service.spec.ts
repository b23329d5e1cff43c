import { describe, expect, it, jest } from '@jest/globals';
import {
  AuthenticationError,
  InvalidArgumentError,
  NotFoundError,
  RegistryError,
  UnsupportedError,
} from '../../lib/errors.js';
import { type ListOptions, RepositoryService } from '../../lib/services/repository-service.js';
import type { FakeReply } from '../support/fake-transport.js';
import { OPTIONS, refusal, REGISTRY, scripted, type Step, told } from './scripted.js';

function setUp(...steps: Step[]) {
  const transport = scripted(...steps);
  return { transport, repositories: new RepositoryService(transport, OPTIONS) };
}

function page(content: unknown, link?: string): FakeReply {
  const headers = { 'content-type': 'application/json', ...(link === undefined ? {} : { link }) };
  return { headers, body: JSON.stringify(content) };
}

async function all(list: AsyncIterable<string>): Promise<string[]> {
  const names: string[] = [];
  for await (const name of list) names.push(name);
  return names;
}

const next = (target: string) => `<${target}>; rel="next"`;

describe('RepositoryService', () => {
  describe('ping', () => {
    it('is content with 200', async () => {
      const { transport, repositories } = setUp(page({}));
      await expect(repositories.ping()).resolves.toBeUndefined();
      expect(told(transport)).toEqual(['GET /v2/']);
    });

    it('is content with the web page of Quay, which says what it is', async () => {
      const headers = { 'content-type': 'text/html; charset=utf-8', 'docker-distribution-api-version': 'registry/2.0' };
      await expect(setUp({ headers, body: 'true' }).repositories.ping()).resolves.toBeUndefined();
    });

    it.each([
      ['answers with a web page', { headers: { 'content-type': 'text/html' }, body: '<html>' }],
      ['knows nothing of the API', 404],
    ])('says that it is no registry that %s', async (_, step: Step) => {
      await expect(setUp(step).repositories.ping()).rejects.toMatchObject({
        code: 'NOT_A_REGISTRY',
        message: expect.stringMatching(
          /^checking the registry: .* Is this the address of a registry, with the right port\?$/,
        ),
      });
    });

    it('says that we are not let in', async () => {
      await expect(setUp(401).repositories.ping()).rejects.toBeInstanceOf(AuthenticationError);
    });

    it('says that nobody is there', async () => {
      const refused = new RegistryError('refused', { code: 'ECONNREFUSED', retryable: true });
      await expect(setUp(refused).repositories.ping()).rejects.toBe(refused);
    });

    it('can be aborted', async () => {
      await expect(setUp().repositories.ping({ signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    });
  });

  describe('listTags', () => {
    const TAGS = '/v2/team/app/tags/list';

    it('gives them in the order of the registry', async () => {
      const { transport, repositories } = setUp(page({ name: 'team/app', tags: ['v2', 'v1', 'latest'] }));
      expect(await all(repositories.listTags('team/app'))).toEqual(['v2', 'v1', 'latest']);
      expect(told(transport)).toEqual([`GET ${TAGS}`]);
      expect(transport.requests[0]).toMatchObject({
        headers: { accept: 'application/json' },
        scopes: ['repository:team/app:pull'],
      });
    });

    it.each([
      ['an address of its own', `${TAGS}?last=b&n=2`, `${TAGS}?last=b&n=2`],
      ['a relative address', '?next_page=x%2By', `${TAGS}?next_page=x%2By`],
      ['a whole address', `${REGISTRY}${TAGS}?last=b`, `${TAGS}?last=b`],
      ['a whole address with the port', `${REGISTRY}:80${TAGS}?last=b`, `${TAGS}?last=b`],
      ['an address with a password', `http://user:password@registry.example${TAGS}?last=b`, `${TAGS}?last=b`],
    ])('follows a link to %s', async (_, link, target) => {
      const { transport, repositories } = setUp(page({ tags: ['a', 'b'] }, next(link)), page({ tags: ['c'] }));
      expect(await all(repositories.listTags('team/app', { pageSize: 2 }))).toEqual(['a', 'b', 'c']);
      expect(told(transport)).toEqual([`GET ${TAGS}?n=2`, `GET ${target}`]);
    });

    it('follows a link of a registry that does not know that it speaks TLS', async () => {
      const options = { ...OPTIONS, url: new URL('https://registry.example:8443/') };
      const transport = scripted(
        page({ tags: ['a'] }, next('http://registry.example/v2/app/tags/list?last=a')),
        page({}),
      );
      await all(new RepositoryService(transport, options).listTags('app'));
      expect(transport.calls[1]).toBe('GET https://registry.example:8443/v2/app/tags/list?last=a');
    });

    it('asks for a page only when it is wanted', async () => {
      const { transport, repositories } = setUp(page({ tags: ['a', 'b'] }, next('?last=b')));
      for await (const tag of repositories.listTags('team/app')) if (tag === 'b') break;
      expect(transport.calls).toHaveLength(1);
    });

    it('goes on after a page with fewer names, or none', async () => {
      const { repositories } = setUp(
        page({ tags: [] }, next('?last=a')),
        page({ tags: null }, next('?last=b')),
        page({ tags: ['c'] }),
      );
      expect(await all(repositories.listTags('team/app', { pageSize: 2 }))).toEqual(['c']);
    });

    it.each([
      ['null', { tags: null }],
      ['left out', { name: 'team/app' }],
      ['an object', { tags: { a: 'b' } }],
      ['a text', { tags: 'latest' }],
    ])('has no tags where they are %s', async (_, content) => {
      expect(await all(setUp(page(content)).repositories.listTags('team/app'))).toEqual([]);
    });

    it('leaves out what is no tag: the nulls of Nexus, the digests of Artifactory, and worse', async () => {
      const tags = [null, '', 'v1', `sha256:${'a'.repeat(64)}`, 5, { name: 'x' }, '\u001b[2J', '../x', 'a b', 'v2'];
      expect(await all(setUp(page({ tags })).repositories.listTags('team/app'))).toEqual(['v1', 'v2']);
    });

    it.each([
      'https://registry.example/v2/x',
      'http://other.example/v2/x',
      'http://registry.example:8080/x',
      'file:///etc/passwd',
    ])('refuses a link to %s', async (link) => {
      const { transport, repositories } = setUp(page({ tags: ['a'] }, next(link)));
      await expect(all(repositories.listTags('team/app'))).rejects.toMatchObject({
        code: 'LINK_REFUSED',
        message: expect.stringMatching(/^listing the tags of team\/app: the next page is said to be at /),
      });
      expect(transport.calls).toHaveLength(1);
    });

    it.each([next('http://'), '/v2/x; rel="next"', '</v2/x?last=a; rel="next"', '</v2/x>; rel="next'])(
      'does not take a list for whole that goes on at %s, which cannot be read',
      async (link) => {
        const { repositories } = setUp(page({ tags: ['a'] }, link));
        await expect(all(repositories.listTags('team/app'))).rejects.toMatchObject({
          code: 'LINK_REFUSED',
          message: expect.stringContaining('there are more pages, but their Link is none'),
        });
      },
    );

    it.each(['', '</v2/x>; rel="prev"', 'nonsense'])(
      'ends with the Link %j, which leads to no next page',
      async (link) => {
        expect(await all(setUp(page({ tags: ['a'] }, link)).repositories.listTags('team/app'))).toEqual(['a']);
      },
    );

    it('ends with an error where the registry repeats itself', async () => {
      const loop = [page({ tags: ['a'] }, next('?last=a')), page({ tags: ['a'] }, next('?last=a'))];
      const failing = all(setUp(...loop).repositories.listTags('team/app'));
      await expect(failing).rejects.toMatchObject({ code: 'ENDLESS_LIST' });
    });

    it('ends with an error where there is always another page', async () => {
      let count = 0;
      const endless: Step = () => page({ tags: [`a${count}`] }, next(`?last=${++count}`));
      const { repositories } = setUp(...Array.from({ length: 10_001 }, () => endless));
      await expect(all(repositories.listTags('team/app'))).rejects.toMatchObject({ code: 'ENDLESS_LIST' });
      expect(count).toBe(10_000);
    });

    it('ends much sooner with one that is always the same', async () => {
      let count = 0;
      const same: Step = () => page({ tags: ['a'] }, next(`?last=${++count}`));
      const { repositories } = setUp(...Array.from({ length: 200 }, () => same));
      await expect(all(repositories.listTags('team/app'))).rejects.toMatchObject({ code: 'ENDLESS_LIST' });
      expect(count).toBe(101);
    });

    it('takes a few pages without a name for what they are', async () => {
      const empty = Array.from({ length: 50 }, (_, i) => page({ tags: [] }, next(`?last=${i}`)));
      const { repositories } = setUp(...empty, page({ tags: ['a'] }));
      expect(await all(repositories.listTags('team/app'))).toEqual(['a']);
    });

    it('reads no more of all pages than 256 MiB', async () => {
      let count = 0;
      const full = 'x'.repeat(7 * 1024 * 1024);
      const large: Step = () => page({ tags: [], full: `${count}${full}` }, next(`?last=${++count}`));
      const { repositories } = setUp(...Array.from({ length: 100 }, () => large));
      await expect(all(repositories.listTags('team/app'))).rejects.toMatchObject({ code: 'ENDLESS_LIST' });
      expect(count).toBe(37);
    });

    it('reads no more of a page than 8 MiB', async () => {
      const body = `{"tags":[${'"a",'.repeat(2_200_000)}"a"]}`;
      await expect(all(setUp({ body }).repositories.listTags('team/app'))).rejects.toMatchObject({
        code: 'RESPONSE_TOO_LARGE',
      });
    });

    it.each(['<html>', '[]', '"tags"', 'null', ''])('says that %p is no answer of a registry', async (body) => {
      await expect(all(setUp({ body }).repositories.listTags('team/app'))).rejects.toMatchObject({
        code: 'NOT_A_REGISTRY',
      });
    });

    it('says that there is no such repository', async () => {
      const { repositories } = setUp(refusal(404, 'NAME_UNKNOWN'));
      await expect(all(repositories.listTags('team/app'))).rejects.toBeInstanceOf(NotFoundError);
    });

    it.each<[string, ListOptions]>([
      ['Team', {}],
      ['team/app', { pageSize: 0 }],
      ['team/app', { pageSize: -1 }],
      ['team/app', { pageSize: 1.5 }],
      ['team/app', { pageSize: NaN }],
    ])('sends nothing for %s and %p', async (repository, options) => {
      const { transport, repositories } = setUp();
      await expect(all(repositories.listTags(repository, options))).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(transport.requests).toHaveLength(0);
    });

    it('can be aborted between two pages', async () => {
      const abort = new AbortController();
      const { repositories } = setUp(page({ tags: ['a'] }, next('?last=a')));
      const seen = jest.fn();
      const listing = (async () => {
        for await (const tag of repositories.listTags('team/app', { signal: abort.signal })) {
          seen(tag);
          abort.abort('enough');
        }
      })();
      await expect(listing).rejects.toBe('enough');
      expect(seen.mock.calls).toEqual([['a']]);
    });
  });

  describe('listRepositories', () => {
    it('gives the names of all pages', async () => {
      const { transport, repositories } = setUp(
        page({ repositories: ['app', 'team/app'] }, next('/v2/_catalog?last=team%2Fapp&n=2')),
        page({ repositories: ['zoo'] }),
      );
      expect(await all(repositories.listRepositories({ pageSize: 2 }))).toEqual(['app', 'team/app', 'zoo']);
      expect(told(transport)).toEqual(['GET /v2/_catalog?n=2', 'GET /v2/_catalog?last=team%2Fapp&n=2']);
      expect(transport.requests.map(({ scopes }) => scopes)).toEqual([['registry:catalog:*'], ['registry:catalog:*']]);
    });

    it('leaves out what is no repository', async () => {
      const worse = ['../../etc/passwd', 'a//b', '', 'a\u001b[2J', 'Team/App', 'a?b', 'x'.repeat(300), 7, {}, null, []];
      const { repositories } = setUp(page({ repositories: ['app', ...worse, '__proto__', 'zoo'] }));
      expect(await all(repositories.listRepositories())).toEqual(['app', 'zoo']);
    });

    it.each<[string, Step[]]>([
      ['403', [refusal(403, 'DENIED')]],
      ['404', [404]],
      ['405', [405]],
      ['401, though it lets us in', [refusal(401, 'UNAUTHORIZED'), page({})]],
    ])('says that a registry that answers %s has no catalog for us', async (_, steps) => {
      const { repositories } = setUp(...steps);
      const error = await all(repositories.listRepositories()).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UnsupportedError);
      expect(error).toMatchObject({ url: `${REGISTRY}/v2/_catalog`, cause: expect.any(RegistryError) });
      expect((error as Error).message).toMatch(
        /^listing the repositories: this registry does not offer that, GET .* answered \d+\. Name the repository/,
      );
    });

    it('says that a password is wrong where that is wrong', async () => {
      const { transport, repositories } = setUp(refusal(401, 'UNAUTHORIZED'), refusal(401, 'UNAUTHORIZED'));
      await expect(all(repositories.listRepositories())).rejects.toBeInstanceOf(AuthenticationError);
      expect(told(transport)).toEqual(['GET /v2/_catalog', 'GET /v2/']);
    });

    it.each<[string, Step]>([
      ['is not there', new RegistryError('refused', { code: 'ECONNREFUSED', retryable: true })],
      ['is broken', 500],
      ['limits requests', 429],
      ['wants smaller pages', refusal(400, 'PAGINATION_NUMBER_INVALID')],
    ])('does not say that of a registry that %s', async (_, step) => {
      const { transport, repositories } = setUp(step);
      const error = await all(repositories.listRepositories()).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).not.toBeInstanceOf(UnsupportedError);
      expect(transport.calls).toHaveLength(1);
    });

    it('can be aborted', async () => {
      const { repositories } = setUp();
      const options = { signal: AbortSignal.abort('enough') };
      await expect(all(repositories.listRepositories(options))).rejects.toBe('enough');
    });
  });
});
