import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { collect } from '../../lib/collect.js';
import { type Credentials, RegistryClient, type RegistryClientConfig } from '../../lib/index.js';
import { digestOf } from '../../lib/oci/digest.js';
import { MediaType } from '../../lib/oci/media-types.js';
import { type Heard, HostileRig, json, printedFrom, type Reply, type Witness } from '../support/hostile-rig.js';
import { stopServers } from '../support/test-server.js';

const USERNAME = 'alice';
const PASSWORD = 'pa"ss/wörd-hunter2';
const IDENTITY = 'identity-5f3a9c77e1b2';
const TOKEN = 'registry-token-91c0ffee4b7d';
const SIGNATURE = 'c2lnbmVkLXdpdGgtYS1rZXk';
const BLOB = Buffer.from('the bytes of a blob');
const DIGEST = digestOf(BLOB);

const IDENTITIES: [way: string, credentials: Credentials][] = [
  ['basic', { username: USERNAME, password: PASSWORD }],
  ['bearer', { username: USERNAME, password: PASSWORD }],
  ['identity', { identityToken: IDENTITY }],
];

describe('a hostile registry', () => {
  let rig: HostileRig;
  let registry: Witness;
  let tokens: Witness;
  let stranger: Witness;
  let lines: string[];
  const clients: RegistryClient[] = [];
  /** What each server does in this scenario; the registry only once somebody has signed in. */
  let serve: Reply;
  let serveTokens: Reply;
  let serveStrangers: Reply;
  /** Stands in the challenge. */
  let realm: string;
  let way: string;

  const isSignedIn = ({ headers }: Heard): boolean => headers.authorization !== undefined;
  const challenge = (): string =>
    way === 'basic'
      ? 'Basic realm="registry"'
      : `Bearer realm="${realm}",service="registry",scope="repository:app:pull"`;
  const guarded: Reply = (heard, response) => {
    if (isSignedIn(heard)) return serve(heard, response);
    return json(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': challenge() });
  };

  beforeEach(async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    [rig, lines, way] = [new HostileRig(), [], 'bearer'];
    registry = await rig.http('registry', guarded);
    tokens = await rig.http('token server', (heard, response) => serveTokens(heard, response));
    stranger = await rig.http('stranger', (heard, response) => serveStrangers(heard, response));
    realm = tokens.url('/token');
    serveTokens = (_, response) => json(response, 200, { token: TOKEN, refresh_token: IDENTITY });
    serveStrangers = (_, response) => response.writeHead(200).end(BLOB);
    rig.secret('password', PASSWORD, registry, tokens);
    rig.secret('identity token', IDENTITY, tokens);
    rig.secret('token', TOKEN, registry);
    rig.secret('signature', SIGNATURE, stranger);
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await stopServers();
  });

  function client(credentials: Credentials, more: RegistryClientConfig = {}): RegistryClient {
    const made = new RegistryClient({
      url: registry.url(),
      credentials,
      cache: false,
      retry: { baseDelay: 1, retries: 1 },
      log: (line) => void lines.push(line),
      ...more,
    });
    clients.push(made);
    return made;
  }

  /** Nobody heard or printed what he should not have, whatever came of the work. */
  async function isKept(work: (client: RegistryClient) => Promise<unknown>, of: RegistryClient): Promise<unknown> {
    const outcome: unknown = await work(of).catch((error: unknown) => error);
    expect(rig.betrayals).toEqual([]);
    expect(rig.namedIn([printedFrom(outcome, of), ...lines].join('\n'))).toEqual([]);
    return outcome;
  }

  const readBlob = async (from: RegistryClient): Promise<string> =>
    text(await from.blobs.fetch('app', { digest: DIGEST, size: BLOB.length }));
  const pushBlob = (to: RegistryClient): Promise<unknown> =>
    to.blobs.push('app', {
      descriptor: { mediaType: MediaType.ociLayer, digest: DIGEST, size: BLOB.length },
      open: async () => (await import('../../lib/oci/byte-stream.js')).streamOf(BLOB),
    });
  const redirect =
    (to: string, status = 307): Reply =>
    (_, response) =>
      response.writeHead(status, { location: to }).end();

  describe.each(IDENTITIES)('that knows us by %s', (name, credentials) => {
    beforeEach(() => {
      way = name;
    });

    const elsewhere = (path: string): [place: string, address: () => string][] => [
      ['another port', () => stranger.url(path)],
      ['another name', () => stranger.url(path).replace('127.0.0.1', 'localhost')],
      ['user and password', () => stranger.url(path).replace('//', '//eve:pw@')],
    ];

    it.each(elsewhere(`/storage?sig=${SIGNATURE}`))('and redirects a read to %s', async (_, address) => {
      serve = redirect(address());
      expect(await isKept(readBlob, client(credentials))).toBe(String(BLOB));
      expect(stranger.heard).toHaveLength(1);
    });

    it.each(['Basic realm="x"', 'Bearer realm="/token",service="x"'])(
      'and redirects to who answers 401 with %s',
      async (header) => {
        serve = redirect(stranger.url('/storage'));
        serveStrangers = (_, response) => json(response, 401, {}, { 'www-authenticate': header });
        await expect(isKept(readBlob, client(credentials))).resolves.toMatchObject({ status: 401 });
      },
    );

    it('and redirects to who leads back to it', async () => {
      let isHome = false;
      serve = (heard, response) => {
        if (isHome) return response.writeHead(200).end(BLOB);
        isHome = true;
        return redirect(stranger.url('/storage'))(heard, response);
      };
      serveStrangers = redirect(registry.url('/home'));
      expect(await isKept(readBlob, client(credentials))).toBe(String(BLOB));
    });

    it.each(elsewhere(`/upload?_state=${SIGNATURE}`))('and wants an upload at %s', async (_, address) => {
      serve = ({ method }, response) =>
        method === 'HEAD' ? response.writeHead(404).end() : response.writeHead(202, { location: address() }).end();
      serveStrangers = (_heard, response) => response.writeHead(201, { location: '/done' }).end();
      await expect(isKept(pushBlob, client(credentials))).resolves.toMatchObject({ outcome: 'uploaded' });
      expect(stranger.heard.map(({ body }) => String(body))).toEqual([String(BLOB)]);
    });

    it('and wants an upload where 401 is answered', async () => {
      serve = ({ method }, response) =>
        method === 'HEAD'
          ? response.writeHead(404).end()
          : response.writeHead(202, { location: stranger.url(`/upload?_state=${SIGNATURE}`) }).end();
      serveStrangers = (_, response) => json(response, 401, {}, { 'www-authenticate': challenge() });
      await expect(isKept(pushBlob, client(credentials))).resolves.toMatchObject({ status: 401 });
    });

    it.each([307, 308])('and sends an upload on with %i', async (status) => {
      serve = (heard, response) => {
        if (heard.method === 'HEAD') return response.writeHead(404).end();
        if (heard.method === 'POST') return response.writeHead(202, { location: '/v2/app/blobs/uploads/1' }).end();
        return redirect(stranger.url(`/upload?sig=${SIGNATURE}`), status)(heard, response);
      };
      serveStrangers = (_, response) => response.writeHead(201).end();
      await isKept(pushBlob, client(credentials));
      expect(stranger.heard).not.toEqual([]);
    });

    it.each<[list: string, read: (of: RegistryClient) => Promise<unknown>]>([
      ['tags', (of) => collect(of.listTags('app'))],
      ['repositories', (of) => collect(of.listRepositories())],
      ['referrers', (of) => collect(of.listReferrers('app', DIGEST))],
    ])('and has the next page of the %s elsewhere', async (_, read) => {
      serve = (_heard, response) =>
        response
          .writeHead(200, { 'content-type': MediaType.ociIndex, link: `<${stranger.url('/next')}>; rel="next"` })
          .end(JSON.stringify({ schemaVersion: 2, tags: ['a'], repositories: ['a'], manifests: [] }));
      await expect(isKept(read, client(credentials))).resolves.toMatchObject({ code: 'LINK_REFUSED' });
      expect(stranger.heard).toEqual([]);
    });

    it('and repeats what it was sent', async () => {
      serve = ({ headers }, response) => {
        const sent = headers.authorization ?? '';
        const pair = Buffer.from(sent.split(' ')[1] ?? '', 'base64').toString();
        const message = `not "${sent}", which is ${pair}, see https://storage.test/x?sig=${SIGNATURE}`;
        const detail = { sent: [sent, pair], nested: { [sent]: `http://x.test/?${SIGNATURE}` } };
        json(response, 400, { errors: [{ code: 'DENIED', message, detail }] });
      };
      const error = await isKept((of) => of.getManifest('app', '1'), client(credentials));
      expect(error).toMatchObject({ status: 400, message: expect.stringContaining('not "') });
      expect(lines.length).toBeGreaterThan(1);
    });

    it('and is busy with us', async () => {
      serve = () => undefined;
      const busy = client(credentials);
      const abort = new AbortController();
      const work = busy.getManifest('app', '1', { signal: abort.signal }).catch(() => undefined);
      while (!registry.heard.some(isSignedIn)) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(rig.namedIn(printedFrom(undefined, busy))).toEqual([]);
      abort.abort();
      await work;
    });
  });

  describe('with a foreign layer', () => {
    it('never has us ask where that is', async () => {
      const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
      const layer = {
        mediaType: MediaType.ociLayer,
        digest: DIGEST,
        size: BLOB.length,
        urls: [stranger.url('/layer')],
      };
      const manifest = {
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: { mediaType: MediaType.ociConfig, digest: digestOf(config), size: config.length },
        layers: [layer],
      };
      serve = ({ path }, response) =>
        path.includes('/manifests/')
          ? json(response, 200, manifest, { 'content-type': MediaType.ociManifest })
          : response.writeHead(200).end(config);
      const { PassThrough } = await import('node:stream');
      const pulled = await isKept((of) => of.pull('app:1', new PassThrough().resume()), client(IDENTITIES[0]![1]));
      expect(pulled).toMatchObject({ bytesReceived: config.length });
      expect(stranger.heard).toEqual([]);
    });
  });

  describe('with a hostile token server', () => {
    const basic: Credentials = { username: USERNAME, password: PASSWORD };
    const identity: Credentials = { identityToken: IDENTITY };

    it.each<[string, Credentials]>([
      ['password', basic],
      ['identity token', identity],
    ])('that redirects the %s', async (_, credentials) => {
      serveTokens = redirect(stranger.url('/token'));
      serveStrangers = (_heard, response) => json(response, 200, { token: TOKEN });
      await isKept(readBlob, client(credentials));
    });

    it('that redirects the identity token within itself', async () => {
      serveTokens = (heard, response) =>
        heard.path === '/token' ? redirect('/other')(heard, response) : json(response, 200, { token: TOKEN });
      serve = (_, response) => response.writeHead(200).end(BLOB);
      expect(await isKept(readBlob, client(identity))).toBe(String(BLOB));
    });

    it.each<[string, Credentials]>([
      ['password', basic],
      ['identity token', identity],
    ])('that repeats the %s', async (_, credentials) => {
      serveTokens = ({ headers, body }, response) => {
        const text = `${headers.authorization} ${String(body)} ${IDENTITY} ${PASSWORD}`;
        const known = 'identityToken' in credentials ? text.replace(PASSWORD, '') : text.replace(IDENTITY, '');
        json(response, 403, { errors: [{ code: 'DENIED', message: known, detail: known }] });
      };
      await expect(isKept(readBlob, client(credentials))).resolves.toMatchObject({ code: 'DENIED' });
    });

    it('that answers with something else than a token', async () => {
      serveTokens = (_, response) => json(response, 200, { token: `${TOKEN}\r\nx: y`, refresh_token: IDENTITY });
      await expect(isKept(readBlob, client(basic))).resolves.toMatchObject({ code: 'TOKEN_REFUSED' });
    });

    it.each([
      ['user information', () => stranger.url('/token').replace('//', '//eve:pw@')],
      ['another scheme', () => 'ftp://127.0.0.1/token'],
      ['the metadata of a cloud', () => 'http://169.254.169.254/token'],
      ['the metadata of another cloud', () => 'http://[fd00:ec2::254]/token'],
      ['the metadata by name', () => 'http://metadata.google.internal/token'],
      ['nothing', () => ''],
    ])('whose realm is %s', async (_, address) => {
      realm = address();
      await expect(isKept(readBlob, client(basic))).resolves.toMatchObject({ code: 'CHALLENGE_INVALID' });
      expect(stranger.heard).toEqual([]);
    });
  });

  describe('over https', () => {
    let secure: Witness;
    const insecure = () => client({ username: USERNAME, password: PASSWORD }, { url: secure.url(), insecure: true });

    beforeEach(async () => {
      secure = await rig.https('secure registry', guarded);
      rig.secret('password', PASSWORD, secure, tokens);
      rig.secret('token', TOKEN, secure);
    });

    it('with a token server on plain http', async () => {
      await expect(isKept(readBlob, insecure())).resolves.toMatchObject({ code: 'CHALLENGE_INVALID' });
      expect(tokens.heard).toEqual([]);
    });

    describe('and Basic', () => {
      beforeEach(() => {
        way = 'basic';
      });

      it('that redirects to plain http', async () => {
        serve = redirect(stranger.url(`/storage?sig=${SIGNATURE}`));
        await expect(isKept(readBlob, insecure())).resolves.toMatchObject({ code: 'REDIRECT_REFUSED' });
        expect(stranger.heard).toEqual([]);
      });

      it('that wants an upload on plain http', async () => {
        const location = stranger.url(`/upload?sig=${SIGNATURE}`).replace('127.0.0.1', 'localhost');
        serve = ({ method }, response) =>
          method === 'HEAD' ? response.writeHead(404).end() : response.writeHead(202, { location }).end();
        await expect(isKept(pushBlob, insecure())).resolves.toMatchObject({ code: 'LOCATION_INVALID' });
        expect(stranger.heard).toEqual([]);
      });

      it('that has its next page on plain http', async () => {
        const link = `<${stranger.url('/next').replace('127.0.0.1', 'localhost')}>; rel="next"`;
        serve = (_, response) => json(response, 200, { tags: ['a'] }, { link });
        await expect(isKept((of) => collect(of.listTags('app')), insecure())).resolves.toMatchObject({
          code: 'LINK_REFUSED',
        });
        expect(stranger.heard).toEqual([]);
      });
    });
  });

  describe('whose signed address fails', () => {
    const storage = () => stranger.url(`/storage?X-Amz-Signature=${SIGNATURE}&${SIGNATURE}&digest=a;sig=${SIGNATURE}`);
    const read = async (): Promise<unknown> => {
      serve = redirect(storage());
      return isKept(readBlob, client(IDENTITIES[0]![1], { retry: { retries: 0 } }));
    };

    beforeEach(() => {
      way = 'basic';
    });

    it.each<[string, Reply]>([
      ['with 403', (_, response) => json(response, 403, {})],
      [
        'with a text that repeats it',
        ({ path }, response) => repeat(response, 403, `${stranger.url()}${path.slice(1)}`),
      ],
      ['with 404', (_, response) => response.writeHead(404).end()],
      ['with a broken connection', (_, response) => response.socket?.destroy()],
      ['with other bytes', (_, response) => response.end(Buffer.alloc(BLOB.length))],
      ['with another length', (_, response) => response.end('short')],
      ['with a loop', (_, response) => response.writeHead(302, { location: storage() }).end()],
      [
        'with a way inside',
        (_, response) => redirect(`http://169.254.169.254/?sig=${SIGNATURE}`)({} as Heard, response),
      ],
      ['with an address that is none', (_, response) => redirect(`http://[?sig=${SIGNATURE}`)({} as Heard, response)],
    ])('%s', async (_, reply) => {
      serveStrangers = reply;
      expect(await read()).toBeInstanceOf(Error);
    });

    it('or is where an upload goes on', async () => {
      serve = ({ method }, response) =>
        method === 'HEAD' ? response.writeHead(404).end() : response.writeHead(202, { location: storage() }).end();
      serveStrangers = ({ path }, response) => repeat(response, 400, stranger.url(path));
      expect(await isKept(pushBlob, client(IDENTITIES[0]![1]))).toBeInstanceOf(Error);
    });
  });
});

function repeat(response: ServerResponse, status: number, address: string): void {
  json(response, status, { errors: [{ code: 'DENIED', message: `no: ${address}`, detail: { address } }] });
}
