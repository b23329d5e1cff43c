import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { basicRegistry, integrationRegistry } from '../support/integration-registry.js';
import { type BearerRegistry, startBearerRegistry } from '../support/bearer-registry.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { TOKEN_CREDENTIALS } from '../support/token-server.js';
import { uniqueRepository } from '../support/unique.js';

/** The registries that the other integration specs rely on do what those specs assume of them. */

const CONTENT = Buffer.from('one blob');
const DIGEST = `sha256:${createHash('sha256').update(CONTENT).digest('hex')}`;

async function pushBlob(url: string, repository: string, headers: Record<string, string> = {}): Promise<number> {
  const session = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers });
  const location = session.headers.get('location');
  if (location === null) return session.status;
  const target = new URL(location, url);
  target.searchParams.set('digest', DIGEST);
  return (await fetch(target, { method: 'PUT', headers, body: CONTENT })).status;
}

async function blobStatus(url: string, repository: string, method = 'HEAD', headers: Record<string, string> = {}) {
  return (await fetch(`${url}/v2/${repository}/blobs/${DIGEST}`, { method, headers })).status;
}

function basic({ username, password }: { username: string; password: string }): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

describe('integrationRegistry', () => {
  it('takes and deletes blobs of anybody', async () => {
    const { url } = integrationRegistry();
    const repository = uniqueRepository();
    expect(await pushBlob(url, repository)).toBe(201);
    expect(await blobStatus(url, repository)).toBe(200);
    expect(await blobStatus(url, repository, 'DELETE')).toBe(202);
    expect(await blobStatus(url, repository)).toBe(404);
  });
});

describe('basicRegistry', () => {
  it('challenges strangers, refuses a wrong password and takes the right one', async () => {
    const { url, ...credentials } = basicRegistry();
    const stranger = await fetch(`${url}/v2/`);
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toMatch(/^Basic realm="spec registry"/);
    expect(await pushBlob(url, uniqueRepository(), basic({ ...credentials, password: 'wrong' }))).toBe(401);
    expect(await pushBlob(url, uniqueRepository(), basic(credentials))).toBe(201);
  });
});

describe('startRegistry', () => {
  let registry: RegistryProcess;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  it('keeps blobs and upload sessions over a crash and a restart at the same address', async () => {
    const { url, pid } = registry;
    expect(await pushBlob(url, 'kept')).toBe(201);
    const session = await fetch(`${url}/v2/kept/blobs/uploads/`, { method: 'POST' });
    await registry.kill('SIGKILL');
    await expect(fetch(`${url}/v2/`)).rejects.toThrow();
    expect(() => registry.pid).toThrow('does not run');
    await registry.restart();
    expect(registry.pid).not.toBe(pid);
    expect(registry.url).toBe(url);
    expect(await blobStatus(url, 'kept')).toBe(200);
    expect((await fetch(session.headers.get('location')!)).status).toBe(204);
  });

  it('refuses to delete where deletes are switched off', async () => {
    const keeper = await startRegistry({ deletes: false });
    try {
      await pushBlob(keeper.url, 'kept');
      expect(await blobStatus(keeper.url, 'kept', 'DELETE')).toBe(405);
    } finally {
      await keeper.stop();
    }
  });

  it('leaves neither a process nor a folder after stop', async () => {
    const short = await startRegistry();
    const { folder, pid } = short;
    await short.stop();
    expect(existsSync(folder)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await short.stop();
  });

  it('says what the program wrote when it does not start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'registry-specs-'));
    const start = (path: string) => startRegistry({ session: { launcher: { kind: 'binary', path }, folder } });
    await expect(start(process.execPath)).rejects.toThrow(/ended with exit code 1[^]*Cannot find module/);
    await expect(start('/nowhere/registry')).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual([]);
    await rmdir(folder);
  });
});

describe('startBearerRegistry', () => {
  let bearer: BearerRegistry;
  beforeAll(async () => {
    bearer = await startBearerRegistry({
      users: { [TOKEN_CREDENTIALS.username]: TOKEN_CREDENTIALS, reader: { password: 'r', actions: ['pull'] } },
    });
  });
  afterAll(() => bearer.stop());

  async function ask(scopes: string[], headers: Record<string, string> = {}) {
    const url = new URL(bearer.tokens.realm);
    url.searchParams.set('service', bearer.tokens.service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const response = await fetch(url, { headers });
    const body = (await response.json()) as { token: string; expires_in?: number; refresh_token?: string };
    return { status: response.status, ...body, headers: { authorization: `Bearer ${body.token}` } };
  }

  async function post(form: Record<string, string>) {
    const body = new URLSearchParams({ service: bearer.tokens.service, client_id: 'spec', ...form });
    const response = await fetch(bearer.tokens.realm, { method: 'POST', body });
    return { status: response.status, ...((await response.json()) as { access_token: string; refresh_token: string }) };
  }

  it('sends strangers to the token server and says for what', async () => {
    const { status, headers } = await fetch(`${bearer.url}/v2/a/blobs/uploads/`, { method: 'POST' });
    expect(status).toBe(401);
    const scope = /^Bearer realm="(.*)",service="spec-registry",scope="repository:a:(pull,push|push,pull)"$/;
    expect(scope.exec(headers.get('www-authenticate')!)?.[1]).toBe(bearer.tokens.realm);
  });

  it('takes a push with a token for it, and no other', async () => {
    const push = await ask(['repository:team/a:pull,push'], basic(TOKEN_CREDENTIALS));
    expect(await pushBlob(bearer.url, 'team/a', push.headers)).toBe(201);
    expect(await pushBlob(bearer.url, 'team/b', push.headers)).toBe(401);
    const both = await ask(['repository:team/a:pull', 'repository:team/b:pull,push'], basic(TOKEN_CREDENTIALS));
    expect(await pushBlob(bearer.url, 'team/b', both.headers)).toBe(201);
    expect(await blobStatus(bearer.url, 'team/a', 'HEAD', both.headers)).toBe(200);
  });

  it('lets strangers and readers pull but not push', async () => {
    for (const headers of [{}, basic({ username: 'reader', password: 'r' })]) {
      const token = await ask(['repository:team/a:pull,push'], headers);
      expect(token.status).toBe(200);
      expect(await blobStatus(bearer.url, 'team/a', 'HEAD', token.headers)).toBe(200);
      expect(await pushBlob(bearer.url, 'team/a', token.headers)).toBe(401);
    }
  });

  it('refuses a wrong password, and records every request', async () => {
    const before = bearer.tokens.requests.length;
    const scope = 'repository:team/a:pull';
    expect((await ask([scope], basic({ username: 'alice', password: 'wrong' }))).status).toBe(401);
    expect(bearer.tokens.requests.slice(before)).toEqual([
      { method: 'GET', account: 'alice', service: 'spec-registry', scopes: [scope], status: 401 },
    ]);
  });

  it('hands out tokens that the registry refuses when told to', async () => {
    bearer.tokens.deadTokens = 1;
    const scope = ['repository:team/a:pull'];
    expect(await blobStatus(bearer.url, 'team/a', 'HEAD', (await ask(scope)).headers)).toBe(401);
    expect(await blobStatus(bearer.url, 'team/a', 'HEAD', (await ask(scope)).headers)).toBe(200);
  });

  it('announces the lifetime it is told to announce', async () => {
    bearer.tokens.expiresIn = 61;
    expect((await ask([])).expires_in).toBe(61);
    bearer.tokens.expiresIn = undefined;
    expect(await ask([])).not.toHaveProperty('expires_in');
  });

  it('answers with the statuses it is told to answer with', async () => {
    bearer.tokens.nextStatuses.push(503, 429);
    expect([(await ask([])).status, (await ask([])).status, (await ask([])).status]).toEqual([503, 429, 200]);
  });

  it('changes a refresh token and a password for an access token', async () => {
    const scope = 'repository:team/a:pull,push registry:catalog:*';
    const kept = bearer.tokens.refreshTokenFor('alice');
    const first = await post({ grant_type: 'refresh_token', refresh_token: kept, scope });
    expect(await pushBlob(bearer.url, 'team/a', { authorization: `Bearer ${first.access_token}` })).toBe(201);
    const catalog = await fetch(`${bearer.url}/v2/_catalog`, {
      headers: { authorization: `Bearer ${first.access_token}` },
    });
    expect(catalog.status).toBe(200);
    const second = await post({ grant_type: 'password', access_type: 'offline', scope, ...TOKEN_CREDENTIALS });
    expect((await post({ grant_type: 'refresh_token', refresh_token: second.refresh_token, scope })).status).toBe(200);
    expect((await post({ grant_type: 'refresh_token', refresh_token: 'invented', scope })).status).toBe(401);
    expect((await post({ grant_type: 'refresh_token', refresh_token: kept, client_id: '' })).status).toBe(400);
  });

  it('knows no OAuth2 when told so, as many token servers do not', async () => {
    bearer.tokens.oauth2 = 404;
    expect((await post({ grant_type: 'refresh_token', refresh_token: 'any' })).status).toBe(404);
    bearer.tokens.oauth2 = true;
  });
});
