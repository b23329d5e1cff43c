import { readdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as sendRequest, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { text } from '../support/content.js';
import { writeImageTar } from '../support/image-tar.js';
import { startNode } from '../support/proc.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { TemporaryFolders } from '../support/temporary-folder.js';
import { stopServers, TestServer, until } from '../support/test-server.js';

/** What a registry keeps of unfinished uploads on its disk. Source: distribution `registry/storage/paths.go`. */
async function sessionsOf(registry: RegistryProcess): Promise<string[]> {
  const files = await readdir(join(registry.folder, 'storage'), { recursive: true });
  return files.filter((file) => /\/_uploads\/[^/]+\/data$/.test(file));
}

describe('a push that is interrupted while the answers to its first requests are on their way', () => {
  const folders = new TemporaryFolders();
  let registry: RegistryProcess;
  let proxy: TestServer;
  /** Answers of the registry to POST that the client has not seen. */
  let held: (() => void)[];

  /** Passes everything on, and holds what opens a session back. */
  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url, headers } = incoming;
    const answered = (answer: IncomingMessage): void => {
      const passOn = (): void => void answer.pipe(outgoing.writeHead(answer.statusCode ?? 0, answer.headers));
      if (method === 'POST') held.push(passOn);
      else passOn();
    };
    incoming.pipe(sendRequest(new URL(url ?? '', registry.url), { method, headers }, answered));
  }

  beforeEach(async () => {
    held = [];
    registry = await startRegistry();
    proxy = await TestServer.http(pass);
  });

  afterEach(async () => {
    await stopServers();
    await registry.stop();
  });

  afterAll(() => folders.remove());

  it('leaves no session behind, and ends with 130', async () => {
    const folder = await folders.make();
    await writeImageTar(join(folder, 'app.tar'), {
      format: 'docker-25',
      layers: [text(500_000, 'a'), text(500_000, 'b')],
    });
    await writeFile(join(folder, 'config.json'), '{}');
    const env = { REGISTRY_URL: undefined, DOCKER_CONFIG: folder };
    const { child, result } = startNode(
      'dist/cli/main.js',
      ['push', join(folder, 'app.tar'), `${proxy.url().host}/app`],
      { env },
    );
    await until(() => held.length >= 2, 'sessions are open', 20_000);
    expect((await sessionsOf(registry)).length).toBeGreaterThanOrEqual(2);
    child.kill('SIGINT');
    // The answers are to come after it has noticed. On a busy machine they may not, and then prove less.
    await sleep(100);
    for (const passOn of held) passOn();
    expect(await result).toMatchObject({ code: 130, stdout: '' });
    expect(await sessionsOf(registry)).toEqual([]);
    const count = (method: string) => proxy.requests.filter((line) => line.startsWith(method)).length;
    expect(count('DELETE')).toBe(count('POST'));
  });
});
