import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { AuthenticationError, InvalidArgumentError } from '../../lib/errors.js';
import { dockerConfigCredentials } from '../../lib/transport/docker-config.js';
import { eraseDockerCredentials, saveDockerCredentials } from '../../lib/transport/docker-login.js';
import { failureOf } from '../support/failure.js';
import { installCredentialHelper } from '../support/fake-credential-helper.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const HOST = 'registry.example:5000';
const ALICE = { username: 'alice', password: 'hunter2' };
const auth = (user: string, password = 'hunter2') => Buffer.from(`${user}:${password}`).toString('base64');

describe('the logins in config.json', () => {
  const folders = new TemporaryFolders();
  let folder: string;
  let file: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = join(await folders.make(), 'docker');
    file = join(folder, 'config.json');
    env = { DOCKER_CONFIG: folder, PATH: [folder, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter) };
  });
  afterEach(() => folders.remove());

  const save = (registry = HOST, credentials = ALICE) => saveDockerCredentials(registry, credentials, { env });
  const erase = (registry = HOST) => eraseDockerCredentials(registry, { env });
  const lookUp = (registry = HOST) => dockerConfigCredentials(env)(registry);
  const installHelper = (name: string, body?: string) => installCredentialHelper(folder, name, body);
  const written = async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;

  async function write(config: unknown): Promise<string> {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    await mkdir(folder, { recursive: true });
    await writeFile(file, text);
    return text;
  }

  describe('saveDockerCredentials', () => {
    it('makes the file as docker does, for its owner only', async () => {
      await expect(save()).resolves.toEqual({ file });
      expect(await readFile(file, 'utf8')).toBe(
        `{\n\t"auths": {\n\t\t"${HOST}": {\n\t\t\t"auth": "${auth('alice')}"\n\t\t}\n\t}\n}`,
      );
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
      await expect(lookUp()).resolves.toEqual(ALICE);
    });

    it('leaves everything else as it is, and in its order', async () => {
      const before = {
        HttpHeaders: { 'User-Agent': 'Docker-Client/19.03.8 (linux)' },
        auths: {
          'a.example': { auth: auth('a') },
          [HOST]: { email: 'me@example', auth: auth('old') },
          'z.example': {},
        },
        psFormat: 'table {{.ID}}\\t{{.Image}}',
        proxies: { default: { httpProxy: 'http://proxy:3128' } },
        'unknown to us': [1, null, { nested: true }],
      };
      await write(`${JSON.stringify(before, null, 2)}\n`);
      await save();
      const after = { ...before, auths: { ...before.auths, [HOST]: { email: 'me@example', auth: auth('alice') } } };
      expect(await readFile(file, 'utf8')).toBe(`${JSON.stringify(after, null, 2)}\n`);
    });

    it.each(['docker.io', 'index.docker.io', 'registry-1.docker.io'])(
      'knows %s by the key of Docker Hub',
      async (hub) => {
        await save(hub);
        expect(await written()).toEqual({ auths: { 'https://index.docker.io/v1/': { auth: auth('alice') } } });
        await expect(lookUp('docker.io')).resolves.toEqual(ALICE);
      },
    );

    it('takes the place of other spellings of the registry, but not of logins for a part of it', async () => {
      const entries = {
        [`https://${HOST}/v1/`]: { auth: auth('old') },
        [`${HOST}/team`]: { auth: auth('team') },
        [HOST]: {},
      };
      await write({ auths: entries });
      await save();
      expect(await written()).toEqual({
        auths: { [HOST]: { auth: auth('alice') }, [`${HOST}/team`]: { auth: auth('team') } },
      });
    });

    it('keeps an identity token as docker does', async () => {
      await saveDockerCredentials(HOST, { identityToken: 'refresh' }, { env });
      expect(await written()).toEqual({ auths: { [HOST]: { identitytoken: 'refresh' } } });
      await expect(lookUp()).resolves.toEqual({ identityToken: 'refresh' });
    });

    it('follows a link, also one to a file that is not there yet', async () => {
      const target = join(dirname(folder), 'dotfiles.json');
      await mkdir(folder);
      await symlink('../dotfiles.json', file);
      await save();
      await save('other.example');
      expect(await readlink(file)).toBe('../dotfiles.json');
      const { auths } = JSON.parse(await readFile(target, 'utf8')) as { auths: object };
      expect(Object.keys(auths)).toEqual([HOST, 'other.example']);
      expect(await readdir(folder)).toEqual(['config.json']);
    });

    it('takes an empty file for none, as docker does', async () => {
      await write('\n');
      await save();
      await expect(lookUp()).resolves.toEqual(ALICE);
    });

    it('loses nothing of what others write at the same time', async () => {
      const hosts = Array.from({ length: 20 }, (_, i) => `registry-${i}.example`);
      await Promise.all(hosts.map((host) => save(host)));
      const { auths } = (await written()) as { auths: object };
      expect(Object.keys(auths).sort()).toEqual(hosts.sort());
      expect(await readdir(folder)).toEqual(['config.json']);
    });

    it.each([
      ['long ago', 0],
      ['by a clock that is ahead', Date.now() / 1000 + 3600],
    ])('does not wait for somebody who died with the lock, %s', async (_, seconds) => {
      await write({});
      await writeFile(`${file}.lock`, '');
      await utimes(`${file}.lock`, seconds, seconds);
      await save();
      expect(await readdir(folder)).toEqual(['config.json']);
    });

    it.each(['__proto__', 'constructor'])('is not confused by a registry called %s', async (host) => {
      await save(host);
      await save('other.example');
      await expect(lookUp(host)).resolves.toEqual(ALICE);
    });

    it.each([
      ['text', 'hunter2', 'is not JSON'],
      ['half a file', '{"auths":{"a":{"auth":"hunter2', 'is not JSON'],
      ['a list', '["hunter2"]', 'is not a JSON object'],
      ['auths that are a list', '{"auths":["hunter2"]}', 'has auths that are not an object'],
      ['a credsStore that is not a name', '{"credsStore":["hunter2"]}', 'has a credsStore that is not a name'],
    ])('refuses %s, and leaves it alone', async (_, text, problem) => {
      await write(text);
      for (const work of [save, erase]) {
        const error = await failureOf(work());
        expect(error).toBeInstanceOf(InvalidArgumentError);
        expect(error.message).toContain(`${file} ${problem}`);
      }
      expect([await readFile(file, 'utf8'), await readdir(folder)]).toEqual([text, ['config.json']]);
    });

    it('says when the file cannot be written', async () => {
      await writeFile(folder, 'a file where a folder is wanted');
      expect((await failureOf(save())).message).toMatch(/config\.json cannot be (read|written) \((ENOTDIR|EEXIST)\)/);
    });

    it('says when there is no home', async () => {
      const home = () => {
        throw new Error('nobody');
      };
      const error = await failureOf(saveDockerCredentials(HOST, ALICE, { env: {}, home }));
      expect(error.message).toContain('Set DOCKER_CONFIG');
    });

    it.each([
      ['a colon in the username', { username: 'a:b', password: 'hunter2' }],
      ['a password with a NUL', { username: 'a', password: 'hunter2\0x' }],
    ])('writes nothing for %s', async (_, credentials) => {
      expect(await failureOf(save(HOST, credentials))).toBeInstanceOf(InvalidArgumentError);
      await expect(stat(folder)).rejects.toThrow('ENOENT');
    });
  });

  describe('saveDockerCredentials, where a helper keeps them', () => {
    it.each([
      ['credsStore', { credsStore: 'spec' }],
      ['credHelpers', { credsStore: 'other', credHelpers: { [HOST]: 'spec' } }],
    ])('gives them to that of %s, and none to the file', async (_, config) => {
      const asked = await installHelper('spec');
      await write({ auths: { [HOST]: { auth: auth('old') } }, ...config });
      await expect(save()).resolves.toEqual({ helper: 'docker-credential-spec', file });
      expect(await asked()).toEqual([`store {"ServerURL":"${HOST}","Username":"alice","Secret":"hunter2"}`]);
      expect(await written()).toEqual({ auths: { [HOST]: {} }, ...config });
    });

    it('gives it Docker Hub by its key, and an identity token as the secret of <token>', async () => {
      const asked = await installHelper('spec');
      await write({ credsStore: 'spec' });
      await saveDockerCredentials('docker.io', { identityToken: 'refresh' }, { env });
      const sent = '{"ServerURL":"https://index.docker.io/v1/","Username":"<token>","Secret":"refresh"}';
      expect(await asked()).toEqual([`store ${sent}`]);
    });

    it('uses the file for a registry whose helper has no name', async () => {
      await write({ credsStore: 'absent', credHelpers: { [HOST]: '' } });
      await expect(save()).resolves.toEqual({ file });
      await expect(lookUp()).resolves.toEqual(ALICE);
    });

    it('changes nothing when the helper fails, and repeats no secret of its answer', async () => {
      await installHelper('spec', `console.error('no room for ' + input); process.exit(1);`);
      const before = await write({ credsStore: 'spec' });
      const error = await failureOf(save());
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toMatch(
        /^docker-credential-spec, asked to store the credentials of .* no room for .*REDACTED/,
      );
      expect(await readFile(file, 'utf8')).toBe(before);
    });

    it('says what to install when the helper is missing', async () => {
      await write({ credsStore: 'absent' });
      expect((await failureOf(save())).message).toContain('Install docker-credential-absent');
    });
  });

  describe('eraseDockerCredentials', () => {
    it('takes the entries of the registry out, and nothing else', async () => {
      await write({
        auths: { [HOST]: { auth: auth('a') }, 'b.example': {}, [`https://${HOST}/v2/`]: {} },
        psFormat: 'x',
      });
      await expect(erase()).resolves.toEqual([{ file }]);
      expect(await written()).toEqual({ auths: { 'b.example': {} }, psFormat: 'x' });
      await expect(lookUp()).resolves.toBeUndefined();
    });

    it('has the helper forget it too', async () => {
      const asked = await installHelper('spec');
      await write({ auths: { [HOST]: {} }, credsStore: 'spec' });
      await expect(erase()).resolves.toEqual([{ helper: 'docker-credential-spec', file }]);
      expect(await asked()).toEqual([`erase ${HOST}`]);
      expect(await written()).toEqual({ auths: {}, credsStore: 'spec' });
    });

    it('minds no helper that knows nothing of it', async () => {
      await installHelper('spec', `console.log('credentials not found in native keychain'); process.exit(1);`);
      const before = await write({ credsStore: 'spec' });
      await expect(erase()).resolves.toEqual([]);
      expect(await readFile(file, 'utf8')).toBe(before);
    });

    it('says when the helper fails', async () => {
      await installHelper('spec', `process.exit(7);`);
      await write({ auths: { [HOST]: {} }, credsStore: 'spec' });
      expect((await failureOf(erase())).message).toMatch(/asked to erase the credentials of .*, ended with 7/);
    });

    it('writes nothing where nothing is kept', async () => {
      await expect(erase()).resolves.toEqual([]);
      await expect(stat(folder)).rejects.toThrow('ENOENT');
      const before = await write('{ "auths" : { } }');
      // A folder that cannot be written proves it where the specs do not run as root.
      chmodSync(folder, 0o500);
      await expect(erase()).resolves.toEqual([]);
      chmodSync(folder, 0o700);
      expect(await readFile(file, 'utf8')).toBe(before);
    });
  });

  it('are read by the very next command, and forgotten by the one after logout', async () => {
    await save('a.example');
    await save('b.example', { username: 'bob', password: 'p:w' });
    await expect(lookUp('b.example')).resolves.toEqual({ username: 'bob', password: 'p:w' });
    await erase('b.example');
    await expect(lookUp('b.example')).resolves.toBeUndefined();
    await expect(lookUp('a.example')).resolves.toEqual(ALICE);
    await rm(file);
  });
});
