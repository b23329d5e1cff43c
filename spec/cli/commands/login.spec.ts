import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { run } from '../../../lib/cli/program.js';
import { startTestRegistry, type TestRegistry } from '../../../lib/testing/index.js';
import { TemporaryFolders } from '../../support/temporary-folder.js';
import { until } from '../../support/test-server.js';
import { cli, type Ended, FakeIo } from '../fake-io.js';

describe('registry-client login and logout', () => {
  const folders = new TemporaryFolders();
  let registry: TestRegistry;
  let url: string;
  let host: string;
  let file: string;
  let env: Record<string, string>;
  let user: { username: string; password: string };

  beforeEach(async () => {
    await open('basic');
    const folder = await folders.make();
    file = join(folder, 'config.json');
    env = { DOCKER_CONFIG: folder };
  });
  afterEach(() => Promise.all([registry.close(), folders.remove()]));

  async function open(auth?: 'basic' | 'bearer'): Promise<void> {
    registry = await startTestRegistry(auth === undefined ? {} : { auth });
    ({ url } = registry);
    ({ host } = new URL(url));
    user = registry.credentials ?? { username: 'anybody', password: 'any' };
  }

  const login = (password: string, ...args: readonly string[]): Promise<Ended> =>
    cli(['login', url, '-u', user.username, '--password-stdin', ...args], env, Readable.from([password]));
  const kept = async (): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
  const entry = () => ({ auth: Buffer.from(`${user.username}:${user.password}`).toString('base64') });

  it.each(['basic', 'bearer'] as const)('keeps what a registry with %s auth lets in, and forgets it', async (auth) => {
    await registry.close();
    await open(auth);
    const { code, out, err } = await login(`${user.password}\n`);
    expect([code, out]).toEqual([0, `${host}\n`]);
    expect(err).toMatch(new RegExp(`^logged in to ${host} as ${user.username}, kept in ${file}\nwarning: .*base64`));
    expect(await kept()).toEqual({ auths: { [host]: entry() } });

    const end = await cli(['logout', url], env);
    expect(end).toEqual({ code: 0, out: `${host}\n`, err: `forgot the credentials of ${host} in ${file}\n` });
    expect(await kept()).toEqual({ auths: {} });
    expect((await cli(['logout', url], env)).err).toBe(`no credentials of ${host} were kept\n`);
  });

  it.each(['basic', 'bearer'] as const)('keeps no wrong password, %s auth', async (auth) => {
    await registry.close();
    await open(auth);
    const { code, out, err } = await login('guess-me');
    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(/^error: .*401/);
    expect(err).not.toContain('guess-me');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('keeps nothing when nobody answers, or it is no registry', async () => {
    const ended = await cli(['login', '127.0.0.1:1', '-u', 'a', '--password-stdin'], env, Readable.from(['b']));
    expect([ended.code, ended.out]).toEqual([1, '']);
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('changes nothing in a file that it cannot understand', async () => {
    await writeFile(file, '{"auths": oops');
    const { code, err } = await login(user.password);
    expect([code, err]).toEqual([
      2,
      `error: ${file} is not JSON. Correct it by hand, or move it away and log in again.\n`,
    ]);
    expect(await readFile(file, 'utf8')).toBe('{"auths": oops');
  });

  it('keeps a password of several lines, as a key file of Google is one', async () => {
    await registry.close();
    await open();
    const key = '{\n  "type": "service_account"\n}';
    expect((await login(`${key}\n`)).code).toBe(0);
    const auth = Buffer.from(`${user.username}:${key}`).toString('base64');
    expect(await kept()).toEqual({ auths: { [host]: { auth } } });
  });

  it('says that a registry asks for no password', async () => {
    await registry.close();
    await open();
    expect((await login('any')).err).toContain(
      `warning: ${host} asks nobody for a password, so this one is not checked`,
    );
  });

  it('says that DOCKER_AUTH_CONFIG goes first', async () => {
    env.DOCKER_AUTH_CONFIG = '{}';
    expect((await login(user.password)).err).toContain('warning: DOCKER_AUTH_CONFIG is set, and is asked before');
    expect((await cli(['logout', url], env)).err).toContain('warning: DOCKER_AUTH_CONFIG is set, and is left');
  });

  it('prints JSON, and nothing else when it is quiet', async () => {
    const { out, err } = await login(user.password, '--json', '-q');
    expect([JSON.parse(out), err]).toEqual([{ registry: host, username: user.username, file }, '']);
    const end = await cli(['logout', url, '--json', '-q'], env);
    expect([JSON.parse(end.out), end.err]).toEqual([{ registry: host, erased: [{ file }] }, '']);
  });

  it('takes a password as an argument, with a warning', async () => {
    const { code, err } = await cli(['login', url, '-u', user.username, '-p', user.password], env);
    expect([code, err]).toEqual([0, expect.stringMatching(/^warning: others see --password/)]);
    expect(await kept()).toEqual({ auths: { [host]: entry() } });
  });

  it('warns of nothing when it is quiet', async () => {
    await registry.close();
    await open();
    const { code, err } = await cli(['login', url, '-u', user.username, '-p', user.password, '-q'], env);
    expect([code, err]).toEqual([0, '']);
  });

  describe('without a terminal', () => {
    it.each([
      ['no username', ['--password-stdin'], '--username is missing'],
      ['no password', ['-u', 'a'], '--password-stdin is missing'],
      ['an empty password', ['-u', 'a', '--password-stdin'], 'standard input held no password'],
      ['an empty password as an argument', ['-u', 'a', '-p', ''], '--password is empty'],
      ['two passwords', ['-u', 'a', '--password-stdin', '-p', 'b'], 'both give a password'],
      ['a password with a NUL', ['-u', 'a', '--password-stdin'], 'control character in the password', 'a\0b\n'],
    ])('refuses %s', async (_, args, message, input = '\n') => {
      const { code, out, err } = await cli(['login', url, ...args], env, Readable.from([input]));
      expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
      await expect(stat(file)).rejects.toThrow('ENOENT');
    });

    it('refuses an address that is none before it reads a password', async () => {
      const { code, err } = await cli(['login', 'ftp://host', '-u', 'a', '--password-stdin'], env);
      expect([code, err]).toEqual([2, expect.stringContaining('is not the address of a registry')]);
    });
  });

  describe('at a terminal', () => {
    function terminal() {
      const keys = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => keys });
      const io = new FakeIo(env, {}, keys);
      const asks = (text: string) => until(() => io.err.includes(text), text, 20_000);
      return { io, keys, asks };
    }

    it('asks for both, and shows no password', async () => {
      const { io, keys, asks } = terminal();
      const ending = run(['login', url], io);
      await asks(`Username for ${host}: `);
      keys.write(`${user.username}\r`);
      await asks('Password: ');
      keys.write(`${user.password}\r`);
      expect(await ending).toBe(0);
      expect(io.err).toContain(user.username);
      expect(io.err).not.toContain(user.password);
      expect(await kept()).toEqual({ auths: { [host]: entry() } });
    });

    it.each([
      ['an empty line', '\r', 'a username is needed'],
      ['the end of the input', '\u0004', 'nothing was entered'],
    ])('keeps nothing for %s in place of a name', async (_, key, message) => {
      const { io, keys, asks } = terminal();
      const ending = run(['login', url], io);
      await asks('Username');
      keys.write(key);
      expect([await ending, io.out]).toEqual([2, '']);
      expect(io.err).toContain(message);
    });

    it('ends at once when the user interrupts', async () => {
      const { io, asks } = terminal();
      const ending = run(['login', url, '-u', user.username], io);
      await asks('Password: ');
      io.interrupt();
      expect([await ending, io.out]).toEqual([130, '']);
    });
  });
});
