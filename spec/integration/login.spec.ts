import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BearerRegistry, startBearerRegistry } from '../support/bearer-registry.js';
import { basicRegistry, integrationRegistry } from '../support/integration-registry.js';
import { onPath, run, runNode } from '../support/proc.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { TOKEN_CREDENTIALS } from '../support/token-server.js';
import { uniqueRepository } from '../support/unique.js';

const MAIN = 'dist/cli/main.js';
const ARCHIVE = 'spec/fixtures/skopeo-docker-archive.tar';

describe('registry-client login, with a real registry', () => {
  const folders = new TemporaryFolders();
  const { url, username, password } = basicRegistry();
  const { host } = new URL(url);
  let folder: string;
  let env: Record<string, string>;
  let tokens: BearerRegistry;

  beforeAll(async () => void (tokens = await startBearerRegistry()));
  afterAll(() => tokens.stop());
  beforeEach(async () => {
    folder = await folders.make();
    env = { DOCKER_CONFIG: folder };
  });
  afterEach(() => folders.remove());

  const client = (args: readonly string[], input = '') => runNode(MAIN, args, { env, input });
  const login = (address: string, name: string, secret: string) =>
    client(['login', address, '-u', name, '--password-stdin'], `${secret}\n`);

  it('lets the commands after it in, until logout', async () => {
    expect((await client(['ping', url])).code).toBe(4);
    expect(await login(url, username, password)).toMatchObject({ code: 0, stdout: `${host}\n` });
    expect(await client(['ping', url])).toMatchObject({ code: 0, stdout: `${host}\n` });
    expect(await client(['logout', url])).toMatchObject({ code: 0, stdout: `${host}\n` });
    expect((await client(['ping', url])).code).toBe(4);
  });

  it('keeps nothing that the registry, or its token server, refuses', async () => {
    for (const address of [url, tokens.url]) {
      const { code, stdout, stderr } = await login(address, username, 'guess-me');
      expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
      expect(stderr).not.toContain('guess-me');
    }
    await expect(readFile(join(folder, 'config.json'))).rejects.toThrow('ENOENT');
  });

  it('keeps what a token server takes', async () => {
    expect((await client(['repos', tokens.url])).code).not.toBe(0);
    expect((await login(tokens.url, TOKEN_CREDENTIALS.username, TOKEN_CREDENTIALS.password)).code).toBe(0);
    expect((await client(['repos', tokens.url])).code).toBe(0);
  });

  it('gives the password to a helper, from which the next command has it', async () => {
    const store = join(folder, 'kept');
    const script = `#!/bin/sh
case $1 in
store) cat > ${store} ;;
get) cat > /dev/null; cat ${store} 2> /dev/null || { echo credentials not found in native keychain; exit 1; } ;;
erase) cat > /dev/null; rm ${store} ;;
esac
`;
    await writeFile(join(folder, 'docker-credential-spec'), script, { mode: 0o755 });
    await writeFile(join(folder, 'config.json'), '{"credsStore":"spec"}');
    env.PATH = `${folder}:${process.env.PATH}`;
    expect((await login(url, username, password)).stderr).toContain('kept by docker-credential-spec');
    expect(await readFile(join(folder, 'config.json'), 'utf8')).not.toMatch(/auth"|password/);
    expect((await client(['ping', url])).code).toBe(0);
    expect((await client(['logout', url])).code).toBe(0);
    expect((await client(['ping', url])).code).toBe(4);
  });

  it('loses no login when many log in at once', async () => {
    const addresses = [url, tokens.url, integrationRegistry().url];
    const users = [
      [username, password],
      [TOKEN_CREDENTIALS.username, TOKEN_CREDENTIALS.password],
      ['any', 'any'],
    ];
    const ends = await Promise.all(addresses.map((address, i) => login(address, users[i]![0]!, users[i]![1]!)));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    const { auths } = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as { auths: object };
    expect(Object.keys(auths).sort()).toEqual(addresses.map((address) => new URL(address).host).sort());
  });

  /* Where skopeo is not installed nothing can be compared: the name of the spec says so. CI installs it. */
  const skopeo = onPath('skopeo');
  describe(skopeo ? 'and skopeo' : 'and skopeo (not installed: apt-get install skopeo)', () => {
    it(skopeo ? 'lets skopeo in, and is let in by skopeo login' : 'is not here to be asked', async () => {
      if (!skopeo) return expect(skopeo).toBeUndefined();
      const name = uniqueRepository();
      expect((await login(url, username, password)).code).toBe(0);
      expect(await client(['push', '-q', ARCHIVE, `${host}/${name}:1`])).toMatchObject({ code: 0, stderr: '' });
      const inspect = ['inspect', '--tls-verify=false', `docker://${host}/${name}:1`];
      const authFile = { REGISTRY_AUTH_FILE: join(folder, 'config.json') };
      for (const found of [{ ...env, REGISTRY_AUTH_FILE: undefined, XDG_RUNTIME_DIR: folder }, authFile]) {
        const { code, stdout, stderr } = await run('skopeo', inspect, { env: found });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(JSON.parse(stdout)).toMatchObject({ Name: `${host}/${name}` });
      }
      expect((await client(['logout', url])).code).toBe(0);
      expect((await run('skopeo', inspect, { env: authFile })).code).not.toBe(0);

      const args = ['login', '--tls-verify=false', '-u', username, '--password-stdin', host];
      expect((await run('skopeo', args, { env: authFile, input: password })).code).toBe(0);
      expect((await client(['ping', url])).code).toBe(0);
    });
  });
});
