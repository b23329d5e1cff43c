import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AuthTransport,
  AxiosTransport,
  LoggingTransport,
  RedirectTransport,
  RegistryClient,
  RetryTransport,
  TarArchive,
} from '../lib/index.js';
import { LayoutStore, RegistryServer, startTestRegistry } from '../lib/testing/index.js';
import { FakeTransport } from './support/fake-transport.js';
import { TemporaryFolders } from './support/temporary-folder.js';

const FIXTURE = 'spec/fixtures/docker-26-multi-tag.tar';
const folders = new TemporaryFolders();
const URL_OF_NONE = new URL('http://registry.test');

/** Whether somebody listens there. */
async function isTaken(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const taken = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return taken;
}

/** A client, a transport, an archive, a server, a store, a registry: what holds something gives it back by `close()` and by `await using`. */
describe('await using', () => {
  afterEach(() => folders.remove());

  it('closes a server', async () => {
    let port: number;
    {
      await using server = await RegistryServer.start();
      port = server.port;
      expect(await isTaken(port)).toBe(true);
    }
    expect(await isTaken(port)).toBe(false);
  });

  it('closes a registry for tests with its clients', async () => {
    let url: URL;
    {
      await using registry = await startTestRegistry();
      url = new URL(registry.url);
      await registry.client().checkConnectivity();
    }
    expect(await isTaken(Number(url.port))).toBe(false);
  });

  it('lets go of the folder of a store', async () => {
    const folder = join(await folders.make(), 'layout');
    {
      await using store = await LayoutStore.open(folder);
      await expect(LayoutStore.open(folder)).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
      expect(store).toBeDefined();
    }
    await (await LayoutStore.open(folder)).close();
  });

  it('closes an archive', async () => {
    const archive = await TarArchive.open(FIXTURE);
    {
      await using closing = archive;
      expect((await closing.validate()).valid).toBe(true);
    }
    expect((await archive.validate()).problems[0]?.message).toMatch(/file closed/);
  });

  it.each([
    ['RegistryClient', (transport: FakeTransport) => new RegistryClient({ url: URL_OF_NONE, transport })],
    ['AuthTransport', authenticated],
    ['LoggingTransport', (transport: FakeTransport) => new LoggingTransport(transport, () => undefined)],
    ['RedirectTransport', (transport: FakeTransport) => new RedirectTransport(transport)],
    ['RetryTransport', (transport: FakeTransport) => new RetryTransport(transport)],
  ])('closes what a %s goes through', async (_, make) => {
    const transport = new FakeTransport(() => ({}));
    {
      await using outer = make(transport);
      expect(outer).toBeDefined();
      expect(transport.isClosed).toBe(false);
    }
    expect(transport.isClosed).toBe(true);
  });

  it('ends the connections of an AxiosTransport', async () => {
    const server = createServer((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    {
      await using transport = new AxiosTransport();
      const { body } = await transport.send({ method: 'GET', url: new URL(`http://127.0.0.1:${port}`), headers: {} });
      body.resume();
      await once(body, 'end');
    }
    server.close();
    // Kept alive, the connection would keep the server open.
    await once(server, 'close');
  });
});

describe('close()', () => {
  afterEach(() => folders.remove());

  it('does nothing a second time, so that await using does no harm to what was closed early', async () => {
    const store = await LayoutStore.open(join(await folders.make(), 'layout'));
    const [server, archive] = [await RegistryServer.start(), await TarArchive.open(FIXTURE)];
    for (const held of [
      store,
      server,
      archive,
      new AxiosTransport(),
      await startTestRegistry(),
      new RegistryClient(),
    ]) {
      await held.close();
      await held[Symbol.asyncDispose]();
    }
  });
});

function authenticated(transport: FakeTransport): AuthTransport {
  return new AuthTransport(transport, { registry: URL_OF_NONE, credentials: () => Promise.resolve(undefined) });
}
