import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HostileRig, json, type Reply, type Witness } from '../support/hostile-rig.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { stopServers } from '../support/test-server.js';
import { cli } from '../cli/fake-io.js';

const PASSWORD = 'hunter2-is-not-it';
const TOKEN = 'registry-token-91c0ffee4b7d';
const SIGNATURE = 'c2lnbmVkLXdpdGgtYS1rZXk';

describe('what the program prints', () => {
  const folders = new TemporaryFolders();
  const { DOCKER_AUTH_CONFIG, REGISTRY_DEBUG } = process.env;
  let rig: HostileRig;
  let registry: Witness;
  let stranger: Witness;
  let serve: Reply;
  let debug: string;

  beforeEach(async () => {
    rig = new HostileRig();
    stranger = await rig.http('stranger', (_, response) => json(response, 403, {}));
    registry = await rig.http('registry', (heard, response) => {
      if (heard.path.startsWith('/token')) return json(response, 200, { token: TOKEN });
      if (heard.headers.authorization !== undefined) return serve(heard, response);
      return json(response, 401, {}, { 'www-authenticate': `Bearer realm="${registry.url('/token')}"` });
    });
    rig.secret('password', PASSWORD, registry);
    rig.secret('token', TOKEN, registry);
    rig.secret('signature', SIGNATURE, stranger);
    const auth = Buffer.from(`alice:${PASSWORD}`).toString('base64');
    process.env.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [new URL(registry.url()).host]: { auth } } });
    process.env.REGISTRY_DEBUG = 'true';
    debug = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      debug += String(text);
      return true;
    });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    Object.assign(process.env, { DOCKER_AUTH_CONFIG, REGISTRY_DEBUG });
    if (DOCKER_AUTH_CONFIG === undefined) delete process.env.DOCKER_AUTH_CONFIG;
    if (REGISTRY_DEBUG === undefined) delete process.env.REGISTRY_DEBUG;
    await stopServers();
    await folders.remove();
  });

  const repeating: Reply = ({ headers }, response) => {
    const message = `not ${headers.authorization}, see ${stranger.url(`/?sig=${SIGNATURE}`)}\u001b[2J`;
    json(response, 400, { errors: [{ code: 'DENIED', message, detail: message }] });
  };
  const redirecting: Reply = (_, response) =>
    response.writeHead(307, { location: stranger.url(`/storage?sig=${SIGNATURE}`) }).end();
  const commands = (host: string, file: string): string[][] => [
    ['ping', host],
    ['repos', host],
    ['tags', `${host}/app`],
    ['inspect', `${host}/app:1`],
    ['manifest', `${host}/app:1`],
    ['resolve', `${host}/app:1`],
    ['referrers', `${host}/app:1`],
    ['pull', `${host}/app:1`, file],
    ['copy', `${host}/app:1`, `${host}/other:1`],
    ['tag', `${host}/app:1`, '2'],
    ['delete', `${host}/app:1`],
    ['delete-tag', `${host}/app:1`],
  ];

  it.each<[string, Reply]>([
    ['repeats what it was sent', repeating],
    ['redirects to a signed address', redirecting],
  ])('of a registry that %s, holds no secret, whatever was asked', async (_, reply) => {
    serve = reply;
    const folder = await folders.make();
    for (const args of commands(new URL(registry.url()).host, join(folder, 'app.tar'))) {
      for (const more of [[], ['--json'], ['--quiet']]) {
        const { code, out, err } = await cli([...args, ...more]);
        expect([code, args[0]]).not.toEqual([0, args[0]]);
        expect(err).toMatch(/^error: /m);
        // eslint-disable-next-line no-control-regex
        expect(out + err + debug).not.toMatch(/\u001b/);
        expect(rig.namedIn([out, err, debug].join('\n'))).toEqual([]);
      }
    }
    expect(debug).toContain('/v2/');
    expect(rig.betrayals).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('of user and password in an address holds neither', async () => {
    serve = repeating;
    const own = (text: string): string => text.replace('//', `//alice:${PASSWORD}@`);
    for (const args of [
      ['ping', own(registry.url())],
      ['tags', own(registry.url('/app'))],
      ['tags', own(registry.url('/App'))],
      ['tags', own('http://127.0.0.1:99999/app')],
      ['tags', own('ftp://127.0.0.1/app')],
      ['tags', 'app', '--registry', own('http://[bad')],
    ]) {
      const { code, out, err } = await cli(args);
      expect(code).not.toBe(0);
      expect(rig.namedIn([out, err, debug].join('\n'))).toEqual([]);
    }
  });
});
