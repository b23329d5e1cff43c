import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { RegistryClient } from '../../lib/index.js';
import { EmbeddedRegistry, type RegistryHandler, RegistryServer } from '../../lib/testing/index.js';
import { noise } from '../support/content.js';
import { imageTar, writeImageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { run, runNode, type RunResult, startNode } from '../support/proc.js';
import { readBack, readTags } from '../support/reading-back.js';
import { layerOf } from '../support/tar-builder.js';
import { uniqueRepository } from '../support/unique.js';

const MAIN = 'dist/cli/main.js';
const FIXTURES = 'spec/fixtures';
/** Bytes a push may hold besides what Node takes to begin with, which is 46 MB for Node 20 and 65 MB for Node 26. */
const MOST_HELD = 100_000_000;

let folder: string;
let host: string;
let client: RegistryClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'push-pipe-spec-'));
  client = new RegistryClient({ url: integrationRegistry().url, cache: false });
  host = client.registry;
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

function environment() {
  return { REGISTRY_URL: undefined, DOCKER_CONFIG: folder, XDG_CACHE_HOME: folder };
}

/** Runs a line of a shell in which `registry-client` is the one of this build; ends as the last program of a pipe does. */
function shell(line: string, more: Readonly<Record<string, string>> = {}): Promise<RunResult> {
  const script = `registry-client() { "$NODE" "$MAIN" "$@"; }; ${line}`;
  return run('bash', ['-c', script], { env: { ...environment(), NODE: process.execPath, MAIN, ...more } });
}

/** What a push says of itself, the archive's name aside. */
function said({ code, stdout, stderr }: RunResult): [code: number | null, digest: string | undefined, error: string] {
  const error = /^error: .*/m.exec(stderr)?.[0] ?? '';
  return [code, stdout.split('@')[1], error.replace(/spec\/fixtures\/\S*\.tar|the stream/, 'it')];
}

function piped(input: Readable, reference: string, ...flags: string[]): Promise<RunResult> {
  return runNode(MAIN, ['push', '-', reference, '--quiet', ...flags], { env: environment(), input });
}

describe('docker save | registry-client push -', () => {
  it.each([
    ['as it is', 'cat "$TAR"', /./],
    ['packed with gzip', 'gzip -1 -c "$TAR"', /multi-tag|skopeo-oci-archive\.tar/],
    ['in small pieces', 'dd if="$TAR" bs=777 status=none', /multi-tag|skopeo-oci-archive\.tar/],
  ])(
    'pushes the fixtures as they are pushed from a file, %s',
    async (_, command, which) => {
      const fixtures = (await readdir(FIXTURES)).filter((name) => name.endsWith('.tar') && which.test(name));
      expect(fixtures.length).toBeGreaterThan(2);
      for (const name of fixtures) {
        const image = name.includes('multi-image') ? ['--image', '0'] : [];
        const repository = uniqueRepository('pipe');
        const variables = { TAR: join(FIXTURES, name), NAME: `${host}/${repository}` };
        const pipe = await shell(`${command} | registry-client push - "$NAME:pipe" ${image.join(' ')}`, variables);
        const file = await shell(`registry-client push "$TAR" "$NAME:file" ${image.join(' ')}`, variables);
        expect([name, ...said(pipe)]).toEqual([name, ...said(file)]);
        if (file.code === 0) await readBack(integrationRegistry(), repository, 'pipe');
        else expect(await readTags(integrationRegistry(), repository)).toEqual([]);
      }
    },
    120_000,
  );

  it('sends nothing that is there under the name in the layout', async () => {
    const { file } = await writeImageTar(join(folder, 'oci.tar'), { format: 'oci', layers: [noise(3_000_000)] });
    const repository = uniqueRepository('pipe-again');
    await client.push(file, `${repository}:1`);
    const pushed = await client.push(createReadStream(file), `${repository}:2`);
    // A config may be sent at once, which costs no more than a question.
    expect(pushed.blobs.skipped).toBeGreaterThan(0);
    expect(pushed.bytesSent).toBeLessThan(1000);
  });

  it('holds no layer, however many pass', async () => {
    const layers = Array.from({ length: 120 }, (_, i) => layerOf({ [`${i}`]: noise(2_500_000, `layer ${i}`) }));
    const { file, size } = await writeImageTar(join(folder, 'many.tar'), { format: 'docker-25', layers });
    const repository = uniqueRepository('pipe-many');
    const { code, stderr, peakRss } = await piped(createReadStream(file), `${host}/${repository}:1`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const idle = await runNode(MAIN, ['--version']);
    expect(idle.code).toBe(0);
    expect(size).toBeGreaterThan(2 * MOST_HELD);
    expect(peakRss - idle.peakRss).toBeLessThan(MOST_HELD);
    await rm(file);
  }, 120_000);

  describe('fails and tags nothing when', () => {
    const layers = [layerOf({ big: noise(3_000_000) })];

    it.each([
      ['nothing comes', ':', 'the stream is empty'],
      ['something else comes', 'echo hello', 'the stream is not a tar'],
      ['the producer dies in a layer', 'head -c 2000000 "$TAR"', 'the stream is cut short inside '],
      ['the producer dies between entries', 'head -c 512 "$TAR"', 'the stream '],
      ['it is packed and damaged', 'gzip -1 -c "$TAR" | head -c 1000000', 'the stream cannot be unpacked'],
    ])('%s', async (_, command, message) => {
      const { file } = await writeImageTar(join(folder, 'damaged.tar'), { format: 'docker-25', layers });
      const repository = uniqueRepository('pipe-damaged');
      const variables = { TAR: file, NAME: `${host}/${repository}:1` };
      const { code, stdout, stderr } = await shell(`${command} | registry-client push - "$NAME"`, variables);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toContain(`error: ${message}`);
      expect(await readTags(integrationRegistry(), repository)).toEqual([]);
    });

    it('a layer is not what the config says', async () => {
      const { file } = await writeImageTar(join(folder, 'wrong.tar'), { format: 'docker-24', layers, wrongDiffId: 0 });
      const repository = uniqueRepository('pipe-wrong');
      const { code, stderr } = await piped(createReadStream(file), `${host}/${repository}:1`);
      expect([code, stderr]).toEqual([3, expect.stringContaining('diff_id')]);
      expect(await readTags(integrationRegistry(), repository)).toEqual([]);
    });
  });

  it('says that it cannot keep the original tags, and reads nothing', async () => {
    const { code, stderr } = await shell(
      `cat ${FIXTURES}/docker-26-multi-tag.tar | registry-client push - --registry ${host}`,
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining('Give a name to push it under, or push a file')]);
  });

  it('gives its session back when the user interrupts it, and ends although the pipe stays open', async () => {
    const registry = new EmbeddedRegistry();
    const asked: string[] = [];
    const handler: RegistryHandler = {
      handle: (request) => {
        asked.push(request.method);
        return registry.handle(request);
      },
    };
    const server = await RegistryServer.start({ handler });
    const { tar } = imageTar({ format: 'docker-25', layers: [layerOf({ big: noise(6_000_000) })] });
    const input = new PassThrough();
    // More than is gathered before the first byte is sent: 1 MiB as it comes, and 1 MiB that is packed.
    input.write(tar.subarray(0, 4_500_000));
    const name = `${new URL(server.url).host}/app:1`;
    const { child, result } = startNode(MAIN, ['push', '-', name], { env: environment(), input });
    while (!asked.includes('PATCH')) await pause(20);
    child.kill('SIGINT');
    const { code, stdout } = await result;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(asked.slice(asked.indexOf('PATCH'))).toEqual(['PATCH', 'DELETE']);
    input.destroy();
    await server.close();
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
