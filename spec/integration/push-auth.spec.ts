import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthenticationError, collect, dockerConfigCredentials, RegistryClient } from '../../lib/index.js';
import { type BearerRegistry, startBearerRegistry } from '../support/bearer-registry.js';
import { text } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { basicRegistry } from '../support/integration-registry.js';
import { readBack } from '../support/reading-back.js';
import { TOKEN_CREDENTIALS } from '../support/token-server.js';
import { uniqueRepository } from '../support/unique.js';

const ARCHIVE = 'spec/fixtures/docker-20.10-multi-tag.tar';

describe('RegistryClient', () => {
  describe('with a registry that wants Basic credentials', () => {
    const { url, username, password } = basicRegistry();
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

    it('takes them from the options', async () => {
      const client = new RegistryClient({ url, credentials: { username, password } });
      const pushed = await client.push(ARCHIVE, uniqueRepository('basic'));
      expect((await readBack({ url, authorization }, pushed.repository, pushed.tag)).manifestDigest).toBe(
        pushed.digest,
      );
      await client.close();
    });

    it('takes them from the address, and shows them nowhere', async () => {
      const lines: string[] = [];
      const address = url.replace('://', `://${username}:${password}@`);
      const client = new RegistryClient({ url: address, log: (line) => lines.push(line) });
      await client.push(ARCHIVE, uniqueRepository('basic'));
      expect(lines.join('\n')).not.toContain(password);
      await client.close();
    });

    it("takes them from docker's config.json", async () => {
      const folder = await mkdtemp(join(tmpdir(), 'docker-config-'));
      const auth = Buffer.from(`${username}:${password}`).toString('base64');
      await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [new URL(url).host]: { auth } } }));
      const client = new RegistryClient({ url, credentials: dockerConfigCredentials({ DOCKER_CONFIG: folder }) });
      await expect(client.checkConnectivity()).resolves.toBe(true);
      await client.push(ARCHIVE, uniqueRepository('basic'));
      await client.close();
      await rm(folder, { recursive: true });
    });

    it('tries a wrong password once, however much there is to push', async () => {
      const lines: string[] = [];
      const credentials = { username, password: 'not it' };
      const client = new RegistryClient({ url, credentials, log: (line) => lines.push(line) });
      const prefix = uniqueRepository('wrong');
      const rename = (tag: string): string => `${prefix}/${tag.replace(/^[^/]*[.:][^/]*\//, '')}`;
      const pushing = client.pushOriginalTags(ARCHIVE, { rename, mountFrom: 'team/base' });
      await expect(pushing).rejects.toBeInstanceOf(AuthenticationError);
      // The first one is without any.
      expect(lines.filter((line) => line.includes('/v2/'))).toHaveLength(2);
      await client.close();
    });

    it('refuses strangers as strangers', async () => {
      const client = new RegistryClient({ url, credentials: 'anonymous' });
      await expect(client.checkConnectivity()).rejects.toBeInstanceOf(AuthenticationError);
      await client.close();
    });
  });

  describe('with a registry that wants tokens', () => {
    let bearer: BearerRegistry;
    let client: RegistryClient;
    beforeAll(async () => {
      bearer = await startBearerRegistry();
      client = new RegistryClient({ url: bearer.url, credentials: TOKEN_CREDENTIALS });
    });
    afterAll(async () => {
      await client.close();
      await bearer.stop();
    });

    it('pushes a whole image with one token', async () => {
      const lines: string[] = [];
      const fresh = new RegistryClient({
        url: bearer.url,
        credentials: TOKEN_CREDENTIALS,
        log: (line) => lines.push(line),
      });
      const before = bearer.tokens.requests.length;
      await fresh.push(ARCHIVE, uniqueRepository('token'));
      expect(bearer.tokens.requests.length - before).toBe(1);
      expect(lines.filter((line) => / 401 /.test(line))).toHaveLength(1);
      await fresh.close();
    });

    it('mounts across repositories with a token for both', async () => {
      const prefix = uniqueRepository('mounted');
      const rename = (tag: string): string => `${prefix}/${tag.replace(/^[^/]*[.:][^/]*\//, '')}`;
      const fresh = new RegistryClient({ url: bearer.url, credentials: TOKEN_CREDENTIALS, cache: false });
      const pushed = await fresh.pushOriginalTags(ARCHIVE, { rename });
      await fresh.close();
      expect(pushed.map(({ blobs }) => blobs.mounted)).toEqual([0, 0, 6, 6]);
    });

    it('survives tokens that the registry no longer takes', async () => {
      const fresh = new RegistryClient({ url: bearer.url, credentials: TOKEN_CREDENTIALS });
      const [alive, dead] = ['alive', 'dead'].map((name) =>
        imageTar({ format: 'docker-25', layers: [text(2_000_000, name)] }),
      );
      await fresh.push(alive!.tar, uniqueRepository('alive'));
      bearer.tokens.deadTokens = 1;
      const pushed = await fresh.push(dead!.tar, uniqueRepository('dead'));
      expect(pushed.blobs.uploaded).toBe(2);
      await fresh.close();
    });

    it('lists the catalog with a token of its own', async () => {
      expect(await collect(client.listRepositories())).not.toHaveLength(0);
    });

    it('is told apart from a stranger who may only pull', async () => {
      const stranger = new RegistryClient({ url: bearer.url, credentials: 'anonymous' });
      await expect(stranger.push(ARCHIVE, uniqueRepository('stranger'))).rejects.toBeInstanceOf(AuthenticationError);
      await stranger.close();
    });

    it('names the user problem when the password is wrong', async () => {
      const wrong = new RegistryClient({ url: bearer.url, credentials: { username: 'alice', password: 'not it' } });
      // Of strangers a question may still be on its way.
      const asked = () => bearer.tokens.requests.filter(({ status }) => status === 401).length;
      const before = asked();
      await expect(wrong.push(ARCHIVE, uniqueRepository('wrong'))).rejects.toBeInstanceOf(AuthenticationError);
      expect(asked() - before).toBe(1);
      await wrong.close();
    });
  });
});
