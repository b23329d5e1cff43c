import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { AuthenticationError, InvalidArgumentError } from '../../lib/errors.js';
import { dockerConfigCredentials } from '../../lib/transport/docker-config.js';
import { failureOf } from '../support/failure.js';
import { answering, installCredentialHelper } from '../support/fake-credential-helper.js';

const REGISTRY = 'registry.example';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const entry = (user: string) => ({ auth: base64(`${user}:hunter2`) });
const found = (username: string) => ({ username, password: 'hunter2' });

let home: string;
let file: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'docker-config-'));
  file = join(home, '.docker', 'config.json');
  await mkdir(dirname(file));
});

beforeEach(async () => {
  await rm(file, { recursive: true, force: true });
  const path = [home, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  env = { PATH: path, HOME: home, USERPROFILE: home };
});

afterAll(() => rm(home, { recursive: true, force: true }));

const write = (config: unknown) => writeFile(file, typeof config === 'string' ? config : JSON.stringify(config));
const lookUp = (registry = REGISTRY) => dockerConfigCredentials(env)(registry);

/** A helper that answers to any server. */
const installHelper = (name: string, answer = { Username: name, Secret: 'hunter2' }) =>
  installCredentialHelper(home, name, answering(answer));

describe('dockerConfigCredentials', () => {
  it('finds nobody for a user who has no home, as in a container', async () => {
    const none = () => {
      throw Object.assign(new Error('ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
    };
    await expect(dockerConfigCredentials({}, none)(REGISTRY)).resolves.toBeUndefined();
    await write({ auths: { [REGISTRY]: entry('user') } });
    await expect(dockerConfigCredentials({ DOCKER_CONFIG: dirname(file) }, none)(REGISTRY)).resolves.toEqual(
      found('user'),
    );
  });

  describe('where it looks', () => {
    it('finds nothing when there is no file', async () => {
      await expect(lookUp()).resolves.toBeUndefined();
    });

    it('reads ~/.docker/config.json', async () => {
      await write({ auths: { [REGISTRY]: entry('home') } });
      await expect(lookUp()).resolves.toEqual(found('home'));
    });

    it('reads the folder DOCKER_CONFIG names, and not the home', async () => {
      await write({ auths: { [REGISTRY]: entry('home') } });
      env.DOCKER_CONFIG = await mkdtemp(join(home, 'other-'));
      await expect(lookUp()).resolves.toBeUndefined();
      await writeFile(
        join(env.DOCKER_CONFIG, 'config.json'),
        JSON.stringify({ auths: { [REGISTRY]: entry('other') } }),
      );
      await expect(lookUp()).resolves.toEqual(found('other'));
    });

    it('asks DOCKER_AUTH_CONFIG first, and the file for what is not there', async () => {
      await write({ auths: { [REGISTRY]: entry('home'), 'b.example': entry('b') } });
      env.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [REGISTRY]: entry('variable') } });
      await expect(lookUp()).resolves.toEqual(found('variable'));
      await expect(lookUp('b.example')).resolves.toEqual(found('b'));
      await expect(lookUp('c.example')).resolves.toBeUndefined();
    });

    it('takes empty variables for unset ones', async () => {
      await write({ auths: { [REGISTRY]: entry('home') } });
      Object.assign(env, { DOCKER_AUTH_CONFIG: '', DOCKER_CONFIG: '' });
      await expect(lookUp()).resolves.toEqual(found('home'));
    });

    it('reads nothing before the first call, and each registry once', async () => {
      const provider = dockerConfigCredentials(env);
      await write({ auths: { [REGISTRY]: entry('first') } });
      await expect(provider(REGISTRY)).resolves.toEqual(found('first'));
      await write({ auths: { [REGISTRY]: entry('second') } });
      await expect(provider(REGISTRY)).resolves.toEqual(found('first'));
      await expect(dockerConfigCredentials(env)(REGISTRY)).resolves.toEqual(found('second'));
    });

    it('does not keep a failure', async () => {
      const provider = dockerConfigCredentials(env);
      await write('{');
      await failureOf(provider(REGISTRY));
      await write({ auths: { [REGISTRY]: entry('home') } });
      await expect(provider(REGISTRY)).resolves.toEqual(found('home'));
    });
  });

  describe('which entry it takes', () => {
    it.each([
      'registry.example',
      'Registry.Example',
      'https://registry.example',
      'http://registry.example',
      'https://registry.example/',
      'https://registry.example/v1/',
      'https://registry.example/v2/',
      'registry.example/v2',
      'registry.example:443',
      'https://registry.example:443/v2/',
      'http://registry.example:80',
    ])('takes the key %s for registry.example', async (key) => {
      await write({ auths: { 'other.example': entry('other'), [key]: entry('user') } });
      await expect(lookUp()).resolves.toEqual(found('user'));
    });

    it.each([
      'registry.example:5000',
      'http://registry.example:443',
      'https://registry.example:80',
      'registry.example:80',
      'sub.registry.example',
      'registry.example.evil.example',
      'https://evil.example/registry.example',
      'example',
      '',
    ])('does not take the key %j for it', async (key) => {
      await write({ auths: { [key]: entry('user') } });
      await expect(lookUp()).resolves.toBeUndefined();
    });

    it('tells ports apart', async () => {
      await write({ auths: { 'https://localhost:5000/v2/': entry('a'), 'localhost:5001': entry('b') } });
      await expect(lookUp('localhost:5000')).resolves.toEqual(found('a'));
      await expect(lookUp('localhost:5001')).resolves.toEqual(found('b'));
      await expect(lookUp('localhost')).resolves.toBeUndefined();
    });

    it('prefers the plainest of several keys, and skips those without credentials', async () => {
      const auths = {
        'https://registry.example/v1/': entry('v1'),
        'https://registry.example': entry('url'),
        [REGISTRY]: {},
      };
      await write({ auths });
      await expect(lookUp()).resolves.toEqual(found('url'));
      await write({ auths: { ...auths, [REGISTRY]: entry('plain') } });
      await expect(lookUp()).resolves.toEqual(found('plain'));
    });

    it.each(['docker.io', 'index.docker.io', 'registry-1.docker.io'])('knows %s as Docker Hub', async (registry) => {
      await write({ auths: { 'https://index.docker.io/v1/': entry('hub') } });
      await expect(lookUp(registry)).resolves.toEqual(found('hub'));
      await write({ auths: { 'docker.io': entry('hub') } });
      await expect(lookUp(registry)).resolves.toEqual(found('hub'));
    });

    it('is not confused by keys named like prototype members', async () => {
      await write(
        `{"auths":{"__proto__":${JSON.stringify(entry('proto'))},"constructor":{}},"credHelpers":{"__proto__":"x"}}`,
      );
      await expect(lookUp()).resolves.toBeUndefined();
      await expect(lookUp('constructor')).resolves.toBeUndefined();
      await expect(lookUp('tostring')).resolves.toBeUndefined();
      expect(({} as Record<string, unknown>).auth).toBeUndefined();
    });

    it.each([
      {},
      { auths: {} },
      { credsStore: '' },
      { auths: { [REGISTRY]: {} } },
      { auths: { [REGISTRY]: { auth: '' } } },
    ])('finds nothing in %j', async (config) => {
      await write(config);
      await expect(lookUp()).resolves.toBeUndefined();
    });
  });

  describe('what it reads from an entry', () => {
    it.each([
      ['a password with colons', { auth: base64('user:a:b:c') }, { username: 'user', password: 'a:b:c' }],
      ['an empty password', { auth: base64('user:') }, { username: 'user', password: '' }],
      ['letters beyond ASCII', { auth: base64('jörg:pässword') }, { username: 'jörg', password: 'pässword' }],
      ['an auth padded with NUL', { auth: base64('user:pass\0\0') }, { username: 'user', password: 'pass' }],
      [
        'an auth without its padding',
        { auth: base64('user:pas').replace(/=+$/, '') },
        { username: 'user', password: 'pas' },
      ],
      ['username and password', { username: 'user', password: 'pass' }, { username: 'user', password: 'pass' }],
      ['an identity token', { identitytoken: 'refresh' }, { identityToken: 'refresh' }],
      [
        'an identity token and an auth',
        { auth: base64('user:pass'), identitytoken: 'refresh' },
        { identityToken: 'refresh', username: 'user', password: 'pass' },
      ],
      ['an identity token and an empty auth', { auth: base64(':'), identitytoken: 'r' }, { identityToken: 'r' }],
      ['the user <token>', { auth: base64('<token>:refresh') }, { identityToken: 'refresh' }],
      ['a registry token', { registrytoken: 'bearer', auth: base64('user:pass') }, { registryToken: 'bearer' }],
      ['empty tokens', { identitytoken: '', registrytoken: '', ...entry('user') }, found('user')],
      ['an auth of nobody', { auth: base64(':') }, undefined],
    ])('reads %s', async (_, value, expected) => {
      await write({ auths: { [REGISTRY]: value } });
      await expect(lookUp()).resolves.toEqual(expected);
    });

    it('gives back any username and password', async () => {
      const printable = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text));
      const username = printable.filter((text) => !text.includes(':') && text !== '<token>');
      const property = fc.asyncProperty(username, printable, async (name, password) => {
        env.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [REGISTRY]: { auth: base64(`${name}:${password}`) } } });
        await expect(lookUp()).resolves.toEqual({ username: name, password });
      });
      await fc.assert(property, { seed: 20260, numRuns: 200 });
    });
  });

  describe('what it refuses', () => {
    it.each([
      ['text', 'hunter2'],
      ['half a file', '{"auths":{"registry.example":{"auth":"aHVudGVyMg'],
      ['a list', '["hunter2"]'],
      ['an empty file', ''],
      ['auths that are a list', '{"auths":["hunter2"]}'],
      ['auths that are text', '{"auths":"hunter2"}'],
      ['credHelpers that are text', '{"credHelpers":"hunter2"}'],
      ['a helper that is not a name', '{"credHelpers":{"registry.example":["hunter2"]}}'],
      ['a credsStore that is not a name', '{"credsStore":{"hunter2":1}}'],
    ])('refuses %s, naming the file and none of it', async (_, content) => {
      await write(content);
      const error = await failureOf(lookUp());
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toContain(`${file} `);
      expect(error.code).toBe('DOCKER_CONFIG_INVALID');
    });

    it.each([
      ['an auth that is not base64', { auth: 'hunter2!' }],
      ['an auth with something behind the base64', { auth: `${base64('user:hunter2')}!` }],
      ['an auth in base64url', { auth: 'aHVudGVyMg-_' }],
      ['an auth without a colon', { auth: base64('hunter2') }],
      ['an auth that is a number', { auth: 1 }],
      ['a username without text', { username: 1, password: 'hunter2' }],
      ['a username with a colon', { username: 'a:b', password: 'hunter2' }],
      ['a password with a newline', { auth: base64('user:hunter2\n') }],
      ['an identity token that is a number', { identitytoken: 1 }],
      ['text', 'hunter2'],
    ])('refuses %s, naming the file and the key', async (_, value) => {
      await write({ auths: { 'https://registry.example/v1/': value } });
      const error = await failureOf(lookUp());
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toContain(`https://registry.example/v1/ in ${file} `);
    });

    it('does not mind a bad entry of another registry', async () => {
      await write({ auths: { 'other.example': { auth: '!' }, [REGISTRY]: entry('user') } });
      await expect(lookUp()).resolves.toEqual(found('user'));
    });

    it('names DOCKER_AUTH_CONFIG when that is broken', async () => {
      env.DOCKER_AUTH_CONFIG = '{"auths": hunter2}';
      const error = await failureOf(lookUp());
      expect(error.message).toMatch(/^DOCKER_AUTH_CONFIG is not JSON/);
    });

    it('says when the file cannot be read', async () => {
      await mkdir(file);
      const error = await failureOf(lookUp());
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toContain(`${file} cannot be read (EISDIR). Check what is there and who may read it`);
    });

    it('refuses a file larger than 1 MiB', async () => {
      await write(' '.repeat(1024 * 1024 + 1));
      expect((await failureOf(lookUp())).message).toContain(`${file} is larger than 1 MiB`);
    });

    it('gives credentials or an error of its own for any JSON', async () => {
      const key = fc.constantFrom(
        'auths',
        'credHelpers',
        'credsStore',
        REGISTRY,
        'auth',
        'username',
        'identitytoken',
        '__proto__',
      );
      const config = fc.letrec((tie) => ({
        value: fc.oneof({ depthSize: 'small' }, fc.constantFrom('', '/', 'dTpw', null, 1), tie('object')),
        object: fc.dictionary(key, tie('value')),
      })).object;
      const property = fc.asyncProperty(config, async (value) => {
        env.DOCKER_AUTH_CONFIG = JSON.stringify(value);
        const outcome: unknown = await lookUp().catch((error: unknown) => error);
        if (outcome instanceof Error && !(outcome instanceof AuthenticationError)) {
          expect(outcome).toBeInstanceOf(InvalidArgumentError);
        }
      });
      env.PATH = join(home, 'empty');
      await fc.assert(property, { seed: 20260, numRuns: 300 });
    });
  });

  describe('with helpers', () => {
    it('asks the helper of the registry before everything else', async () => {
      const asked = await installHelper('own');
      const store = await installHelper('store');
      await write({ auths: { [REGISTRY]: entry('file') }, credHelpers: { [REGISTRY]: 'own' }, credsStore: 'store' });
      await expect(lookUp()).resolves.toEqual(found('own'));
      await expect(asked()).resolves.toEqual([`get ${REGISTRY}`]);
      await expect(store()).resolves.toEqual([]);
    });

    it('asks the store for what has no entry with credentials', async () => {
      const asked = await installHelper('store');
      await write({ auths: { [REGISTRY]: {}, 'b.example': entry('file') }, credsStore: 'store' });
      await expect(lookUp()).resolves.toEqual(found('store'));
      await expect(lookUp('b.example')).resolves.toEqual(found('file'));
      await expect(lookUp('c.example:5000')).resolves.toEqual(found('store'));
      await expect(asked()).resolves.toEqual([`get ${REGISTRY}`, 'get c.example:5000']);
    });

    it.each([
      ['the store', { credsStore: 'hub' }],
      ['its own helper', { credHelpers: { 'docker.io': 'hub' } }],
    ])('asks %s for Docker Hub by the name Docker gives it', async (_, config) => {
      const asked = await installHelper('hub');
      await write(config);
      await expect(lookUp('registry-1.docker.io')).resolves.toEqual(found('hub'));
      await expect(asked()).resolves.toEqual(['get https://index.docker.io/v1/']);
    });

    it('asks a helper once for everybody', async () => {
      const asked = await installHelper('store');
      await write({ credsStore: 'store' });
      const provider = dockerConfigCredentials(env);
      const [one, other] = await Promise.all([provider(REGISTRY), provider(REGISTRY)]);
      expect(one).toEqual(other);
      await provider(REGISTRY);
      await expect(asked()).resolves.toHaveLength(1);
    });

    it('asks a helper anew for those whose credentials the registry refused, once for all of them', async () => {
      const asked = await installHelper('store');
      await write({ credsStore: 'store' });
      const provider = dockerConfigCredentials(env);
      const refused = await provider(REGISTRY);
      const signal = undefined;
      const all = await Promise.all([1, 2, 3].map(() => provider(REGISTRY, signal, refused)));
      expect(await asked()).toHaveLength(2);
      expect([all[0], all[0] === refused]).toEqual([found('store'), false]);
      // Whoever comes late was refused with the old ones.
      expect(await provider(REGISTRY, signal, refused)).toBe(all[0]);
      expect(await provider(REGISTRY)).toBe(all[0]);
      expect(await asked()).toHaveLength(2);
    });

    it('reads the file again after it could not be read anew', async () => {
      await write({ auths: { [REGISTRY]: entry('old') } });
      const provider = dockerConfigCredentials(env);
      const refused = await provider(REGISTRY);
      await write('{');
      expect((await failureOf(provider(REGISTRY, undefined, refused))).code).toBe('DOCKER_CONFIG_INVALID');
      await write({ auths: { [REGISTRY]: entry('new') } });
      await expect(provider(REGISTRY, undefined, refused)).resolves.toEqual(found('new'));
    });

    it('lets one that waits be cancelled, and serves the others', async () => {
      await installHelper('store');
      await write({ credsStore: 'store' });
      const provider = dockerConfigCredentials(env);
      const controller = new AbortController();
      const cancelled = provider(REGISTRY, controller.signal);
      const patient = provider(REGISTRY);
      controller.abort('enough');
      await expect(cancelled).rejects.toBe('enough');
      await expect(patient).resolves.toEqual(found('store'));
    });

    it('gives identity tokens', async () => {
      await installHelper('store', { Username: '<token>', Secret: 'refresh' });
      await write({ credsStore: 'store' });
      await expect(lookUp()).resolves.toEqual({ identityToken: 'refresh' });
    });

    it('fails when the helper is not installed', async () => {
      await write({ credsStore: 'absent' });
      const error = await failureOf(lookUp());
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain('docker-credential-absent');
    });

    it('runs nothing for a name that is none', async () => {
      await write({ credHelpers: { [REGISTRY]: '../../bin/sh' } });
      await expect(lookUp()).rejects.toBeInstanceOf(InvalidArgumentError);
    });
  });

  it('shows no secret when it is printed', async () => {
    await write({ auths: { [REGISTRY]: entry('user') } });
    const provider = dockerConfigCredentials(env);
    await provider(REGISTRY);
    expect(inspect(provider, { depth: 9, showHidden: true })).not.toMatch(/hunter2/);
  });
});
