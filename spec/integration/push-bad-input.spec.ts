import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AuthenticationError,
  InvalidArgumentError,
  RegistryClient,
  RegistryError,
  TarReadError,
  ValidationError,
} from '../../lib/index.js';
import { text } from '../support/content.js';
import { imageTar, type ImageTarOptions } from '../support/image-tar.js';
import { basicRegistry, integrationRegistry } from '../support/integration-registry.js';
import { readTags } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const FIXTURES = 'spec/fixtures';

let client: RegistryClient;
let requests: string[];
let folder: string;
beforeAll(async () => {
  requests = [];
  client = new RegistryClient({ url: integrationRegistry().url, log: (line) => note(line) });
  folder = await mkdtemp(join(tmpdir(), 'bad-input-spec-'));
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

/** What is said of the compressor is no request. */
function note(line: string): void {
  if (!line.startsWith('plain layers')) requests.push(line);
}

/** The error of a push that must fail, after a look that it left nothing behind. */
async function failureOf(input: string | Buffer, repository = uniqueRepository('bad')): Promise<Error> {
  requests.length = 0;
  const error = await client.push(input, repository).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeDefined();
  expect(requests.filter((line) => /^PUT .*\/manifests\//.test(line))).toEqual([]);
  expect(await readTags(integrationRegistry(), repository)).toEqual([]);
  return error!;
}

async function fileWith(bytes: Buffer | string): Promise<string> {
  const file = join(folder, `${Math.random()}.tar`);
  await writeFile(file, bytes);
  return file;
}

describe('RegistryClient', () => {
  describe('push', () => {
    describe('when the file is no tar', () => {
      it.each([
        ['is absent', () => Promise.resolve(join(folder, 'nowhere.tar')), 'there is no file'],
        ['is a directory', () => Promise.resolve(folder), 'is a directory'],
        ['is empty', () => fileWith(''), 'is empty'],
        ['is something else', () => fileWith('<html>not a tar</html>'.repeat(100)), 'is not a tar'],
      ])('fails when it %s', async (_, make, message) => {
        const file = await make();
        const error = await failureOf(file);
        expect(error).toBeInstanceOf(TarReadError);
        expect(error.message).toContain(file);
        expect(error.message).toContain(message);
        expect(requests).toEqual([]);
      });

      it('fails when it is cut short, and names the entry', async () => {
        const bytes = await readFile(join(FIXTURES, 'docker-26-multi-tag.tar'));
        const error = await failureOf(await fileWith(bytes.subarray(0, 20_000)));
        expect(error).toBeInstanceOf(TarReadError);
        expect(error.message).toMatch(/cut short inside blobs\/sha256\/7f420deccdef/);
        expect(requests).toEqual([]);
      });
    });

    describe('when the tar is no image archive', () => {
      it('names every blob that docker did not save', async () => {
        const error = await failureOf(join(FIXTURES, 'docker-26-containerd-missing-blobs.tar'));
        expect(error).toBeInstanceOf(ValidationError);
        expect((error as ValidationError).problems.map(({ entry }) => entry)).toEqual([
          'blobs/sha256/f4d781bfd16a992c24bf51e117f020f109b47d78241b66747b2848687581c20d',
          'blobs/sha256/b633920ebbe8925a3db7344d29555b142c4012a9d48d8eb016c734ab83022df8',
          'blobs/sha256/895c9cc95c518f970830fb5968ec476daf3ff955ab4f649e84b74c2d7718b249',
          'blobs/sha256/69c295101afb30469e87407cfd35522ca8878d0059e9be4402140ad8c64e2488',
          'blobs/sha256/2201a9696e67bfd8dbe6fbd3827d9348763045f38eb89bc3c6f8de3fe1fdb62f',
          'blobs/sha256/9d8963926ddc26ef7bbe9264115fb5d47fe26626c12e03527080c7162c94181d',
        ]);
        expect(requests).toEqual([]);
      });

      const damages: [string, ImageTarOptions, RegExp][] = [
        ['has one layer fewer than diff_ids', { format: 'docker-25', extraDiffId: true }, /layers, but .* diff_ids/],
        ['has a layer that is not there', { format: 'docker-24', missingLayer: 1 }, /is not in the archive/],
        ['has a Config that leaves it', { format: 'docker-25', configPath: '../../etc/passwd' }, /leaves the archive/],
        ['has links in a circle', { format: 'docker-24', linkCycle: true }, /link that leads back to itself/],
      ];
      it.each(damages)('fails before any request when it %s', async (_, options, message) => {
        const error = await failureOf(imageTar(options).tar);
        expect(error).toBeInstanceOf(ValidationError);
        expect(error.message).toMatch(message);
        expect((error as ValidationError).problems.length).toBeGreaterThan(0);
        expect(requests).toEqual([]);
      });

      it.each(['docker-25', 'crane', 'oci', 'nix'] as const)(
        'finds a wrong diff_id of %s while it reads, and stores no manifest',
        async (format) => {
          const layers = [text(3_000_000, 'right'), text(2_000_000, 'wrong')];
          const error = await failureOf(imageTar({ format, layers, wrongDiffId: 1 }).tar);
          expect(error).toBeInstanceOf(ValidationError);
          expect(error.message).toContain('diff_id');
        },
      );

      // Distribution 2.8 answers 404 and ends the session by itself when the broken PATCH has left it in another state.
      it('gives the session of a layer that turned out wrong back to the registry', async () => {
        await failureOf(imageTar({ format: 'docker-25', layers: [text(3_000_000, 'lone')], wrongDiffId: 0 }).tar);
        const count = (pattern: RegExp): number => requests.filter((line) => pattern.test(line)).length;
        expect(count(/^PATCH /)).toBe(1);
        // The upload of the config may have been under way too.
        const open = count(/^POST .* 202 /) - count(/^PUT .*uploads.* 201 /);
        expect(open).toBeGreaterThan(0);
        expect(count(/^DELETE .* (204|404) /)).toBe(open);
      });
    });

    describe('when the name cannot be', () => {
      it.each(['UPPER/app', 'a//b', '../app', 'app:ta g', 'app:', 'app@sha256:123', ''])(
        'refuses "%s" before any request',
        async (name) => {
          requests.length = 0;
          const push = client.push(join(FIXTURES, 'docker-26-multi-tag.tar'), name);
          await expect(push).rejects.toBeInstanceOf(InvalidArgumentError);
          expect(requests).toEqual([]);
        },
      );

      it('refuses the host of another registry', async () => {
        const push = client.push(join(FIXTURES, 'docker-26-multi-tag.tar'), 'registry.example.com/app:1');
        await expect(push).rejects.toThrow(/is on registry.example.com, but this client speaks to 127.0.0.1/);
      });

      it('wants to know which of several images is meant', async () => {
        const push = client.push(join(FIXTURES, 'docker-20.10-multi-image.tar'), 'app:1');
        await expect(push).rejects.toMatchObject({
          code: 'IMAGE_AMBIGUOUS',
          message: expect.stringContaining('hello:v1'),
        });
      });

      it('lists the platforms there are when the wanted one is not', async () => {
        const tar = join(FIXTURES, 'skopeo-oci-archive-multi-platform.tar');
        const push = client.push(tar, 'app:1', { platform: 'linux/s390x' });
        await expect(push).rejects.toThrow('only for linux/amd64, linux/arm64');
      });

      it('asks for a name when the archive has none', async () => {
        const push = client.pushOriginalTags(join(FIXTURES, 'docker-20.10-untagged.tar'));
        await expect(push).rejects.toMatchObject({ name: 'InvalidArgumentError', code: 'NAME_REQUIRED' });
      });

      it('refuses to give two images one name', async () => {
        const tar = join(FIXTURES, 'docker-20.10-multi-image.tar');
        const push = client.pushOriginalTags(tar, { rename: () => 'same:1' });
        await expect(push).rejects.toMatchObject({ code: 'NAME_TAKEN' });
      });
    });

    describe('when there is no registry to speak to', () => {
      const noRetry = { retry: { retries: 0 } };

      it('says that nobody listens', async () => {
        const nobody = new RegistryClient({ url: 'http://127.0.0.1:1', ...noRetry });
        const push = nobody.push(join(FIXTURES, 'docker-26-multi-tag.tar'), 'app:1');
        await expect(push).rejects.toMatchObject({ name: 'RegistryError', code: 'ECONNREFUSED' });
        await expect(push).rejects.toThrow('Is the registry running');
      });

      it.each([
        ['answers 200 with a web page', 200],
        ['answers 404 with a web page', 404],
      ])('notices a web server that %s', async (_, status) => {
        const server = await webServer(status);
        const web = new RegistryClient({
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          ...noRetry,
        });
        try {
          const push = web.push(join(FIXTURES, 'docker-26-multi-tag.tar'), 'app:1');
          await expect(push).rejects.toBeInstanceOf(RegistryError);
          await expect(push).rejects.toThrow(/web page|registry/);
          await expect(web.checkConnectivity()).rejects.toBeInstanceOf(RegistryError);
        } finally {
          await web.close();
          server.close();
        }
      });

      it('tells wrong credentials from everything else', async () => {
        const { url, username } = basicRegistry();
        const stranger = new RegistryClient({ url, credentials: { username, password: 'wrong-secret' } });
        const error = await stranger
          .push(join(FIXTURES, 'docker-26-multi-tag.tar'), 'app:1')
          .catch((reason: Error) => reason);
        expect(error).toBeInstanceOf(AuthenticationError);
        expect((error as Error).message).not.toContain('wrong-secret');
        await stranger.close();
      });
    });

    describe('when it is cancelled', () => {
      it('rejects with the reason and gives every session back', async () => {
        const cancelled = new AbortController();
        const layers = [text(20_000_000, 'one'), text(20_000_000, 'two')];
        requests.length = 0;
        const repository = uniqueRepository('cancel');
        const push = client.push(imageTar({ format: 'docker-25', layers }).tar, repository, {
          signal: cancelled.signal,
          onProgress: (event) => {
            if (event.state === 'progress' && event.sent > 0 && event.read > 2_000_000)
              cancelled.abort(new Error('enough'));
          },
        });
        await expect(push).rejects.toThrow('enough');
        const opened = requests.filter((line) => /^POST .* 202 /.test(line)).length;
        const ended = requests.filter((line) =>
          /^(DELETE .*uploads.* (204|404)|PUT .*uploads.* 201) /.test(line),
        ).length;
        expect(opened).toBeGreaterThan(0);
        expect(ended).toBe(opened);
        expect(await readTags(integrationRegistry(), repository)).toEqual([]);
      });

      it('sends nothing when it was cancelled before it began', async () => {
        requests.length = 0;
        const push = client.push(join(FIXTURES, 'docker-26-multi-tag.tar'), 'app:1', {
          signal: AbortSignal.abort(new Error('never')),
        });
        await expect(push).rejects.toThrow('never');
        expect(requests).toEqual([]);
      });
    });
  });
});

async function webServer(status: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>It works!</html>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}
