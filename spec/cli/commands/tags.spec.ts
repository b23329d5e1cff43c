import { beforeAll, describe, expect, it } from '@jest/globals';
import { printList } from '../../../lib/cli/commands/tags.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client tags', () => {
  const registry = new Listening();
  const archives = new Archives();
  beforeAll(async () => {
    await cli(['push', await archives.write({ tags: ['team/app:1', 'team/app:2'] }), '--registry', registry.url]);
  });

  it.each([
    ['a host', (host: string) => [`${host}/team/app`]],
    ['a scheme', (host: string) => [`http://${host}/team/app`]],
    ['--registry', (host: string) => ['team/app', '--registry', host]],
  ])('prints one tag per line, with %s', async (_, args) => {
    expect(await cli(['tags', ...args(registry.host)])).toEqual({ code: 0, out: '1\n2\n', err: '' });
  });

  it('goes by the environment', async () => {
    expect((await cli(['tags', 'team/app'], { REGISTRY_URL: registry.url })).out).toBe('1\n2\n');
  });

  it('prints JSON', async () => {
    expect((await cli(['tags', `${registry.host}/team/app`, '--json'])).out).toBe('["1","2"]\n');
  });

  it('prints the same when it is quiet', async () => {
    expect(await cli(['tags', `${registry.host}/team/app`, '-q'])).toEqual({ code: 0, out: '1\n2\n', err: '' });
  });

  it('says when there is no such repository', async () => {
    const { code, out, err } = await cli(['tags', `${registry.host}/none`]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/listing the tags of none.*404 Not Found/);
  });

  it('refuses a tag and a digest', async () => {
    for (const name of ['team/app:1', `team/app@sha256:${'a'.repeat(64)}`]) {
      expect((await cli(['tags', `${registry.host}/${name}`])).code).toBe(2);
    }
  });
});

describe('printList', () => {
  async function* names() {
    yield 'app';
    await Promise.resolve();
    yield '\u001b[2J\u202eevil\napp';
  }

  it('prints names as they come, each on one line, whatever is in them', async () => {
    const io = new FakeIo();
    await printList(names(), {}, io);
    expect(io.out).toBe('app\n\\u001b[2J\\u202eevil\\u000aapp\n');
  });

  it('prints JSON that no terminal obeys', async () => {
    const io = new FakeIo();
    await printList(names(), { json: true }, io);
    expect(io.out).toBe('["app","\\u001b[2J\\u202eevil\\napp"]\n');
    expect(JSON.parse(io.out)).toEqual(['app', '\u001b[2J\u202eevil\napp']);
  });

  it('prints JSON as it comes, and an empty list where nothing does', async () => {
    const io = new FakeIo();
    const list = async function* () {
      yield 'a';
      await Promise.resolve();
      expect(io.out).toBe('["a"');
      yield 'b';
    };
    await printList(list(), { json: true }, io);
    expect(io.out).toBe('["a","b"]\n');
    const other = new FakeIo();
    await printList(
      (async function* () {
        // Nothing.
      })(),
      { json: true },
      other,
    );
    expect(other.out).toBe('[]\n');
  });

  it('prints no JSON of a list that fails at once, and none that can be read of one that fails later', async () => {
    const failing = async function* (...names: string[]) {
      yield* names;
      await Promise.reject(new Error('gone'));
    };
    const [none, half] = [new FakeIo(), new FakeIo()];
    await expect(printList(failing(), { json: true }, none)).rejects.toThrow('gone');
    await expect(printList(failing('a'), { json: true }, half)).rejects.toThrow('gone');
    expect([none.out, half.out]).toEqual(['', '["a"']);
  });
});
