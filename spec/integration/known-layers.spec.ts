import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PushEvent, type PushedImage, type PushOptions, RegistryClient } from '../../lib/index.js';
import { text } from '../support/content.js';
import { type ImageFile, writeImageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { readBack } from '../support/reading-back.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';
import { runNode } from '../support/proc.js';
import { uniqueRepository } from '../support/unique.js';

const MIB = 1024 * 1024;
/** Seven layers, as large as small ones and as large as ones that are streamed. */
const SIZES = [3 * MIB, 2 * MIB, 300_000, 100_000, 50_000, 10_000, 1000];

/** One push as from a machine of its own, and what it took. */
interface Seen {
  pushed: PushedImage;
  /** `METHOD path`, without what the log says besides. */
  requests: string[];
  /** Names of entries whose content was read, with how much of it. */
  read: Map<string, number>;
  warnings: string[];
}

describe('a push to a registry that has the layers', () => {
  const base = `layers ${randomUUID()}`;
  let folder: string;
  let image: ImageFile;
  let changed: ImageFile;
  let url: string;
  beforeAll(async () => {
    url = integrationRegistry().url;
    folder = await mkdtemp(join(tmpdir(), 'known-layers-'));
    const layers = SIZES.map((size, i) => text(size, `${base} ${i}`));
    image = await writeImageTar(join(folder, 'one.tar'), { format: 'docker-25', layers });
    const others = [...layers.slice(0, 6), text(2000, `${base} changed`)];
    changed = await writeImageTar(join(folder, 'two.tar'), { format: 'docker-25', layers: others });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  // Each push is that of another machine unless it says otherwise.
  beforeEach(() => void (process.env.XDG_CACHE_HOME = join(folder, randomUUID())));

  async function push(file: string, name: string, options: PushOptions = {}, at = url): Promise<Seen> {
    const requests: string[] = [];
    const log = (line: string) => void (/^[A-Z]+ /.test(line) && requests.push(line.split(' ').slice(0, 2).join(' ')));
    const client = new RegistryClient({ url: at, log });
    const read = new Map<string, number>();
    const warnings: string[] = [];
    const onProgress = (event: PushEvent) => {
      if (event.state === 'progress' && event.read > 0) read.set(event.blob.entry, event.read);
      if (event.state === 'warning') warnings.push(event.message);
    };
    const pushed = await client.push(file, name, { ...options, onProgress });
    await client.close();
    return { pushed, requests, read, warnings };
  }

  function uploads({ requests }: Seen): string[] {
    return requests.filter((line) => /^(POST|PATCH) |^PUT .*\/blobs\//.test(line));
  }

  /** Bytes that the process of a push has read from its files. */
  async function bytesRead(args: readonly string[]): Promise<number> {
    const script = join(folder, 'count.mjs');
    await writeFile(
      script,
      `import fs from 'node:fs';
       import { syncBuiltinESMExports } from 'node:module';
       const handle = await fs.promises.open(process.argv[2]);
       const prototype = Object.getPrototypeOf(handle);
       await handle.close();
       let bytes = 0;
       const { read } = prototype;
       prototype.read = async function (...given) {
         const result = await read.apply(this, given);
         bytes += result.bytesRead;
         return result;
       };
       for (const name of ['createReadStream']) {
         const original = fs[name];
         fs[name] = (...given) => original(...given).on('data', (chunk) => (bytes += chunk.length));
       }
       syncBuiltinESMExports();
       const { RegistryClient } = await import(${JSON.stringify(join(process.cwd(), 'dist/index.js'))});
       const client = new RegistryClient({ url: process.argv[3] });
       await client.push(process.argv[2], process.argv[4]);
       await client.close();
       console.log(bytes);`,
    );
    const env = { XDG_CACHE_HOME: join(folder, randomUUID()) };
    const { code, stdout, stderr } = await runNode(script, args, { env });
    expect([code, stderr]).toEqual([0, '']);
    return Number(stdout);
  }

  describe('under a new tag, from a machine that knows nothing', () => {
    it('reads no layer, sends none, and makes at most eight requests', async () => {
      const repository = uniqueRepository('known');
      const first = await push(image.file, `${repository}:v1`);
      expect(first.read.size).toBe(7);
      process.env.XDG_CACHE_HOME = join(folder, randomUUID());
      const again = await push(image.file, `${repository}:v2`);
      expect(again.pushed.digest).toBe(first.pushed.digest);
      expect(again.pushed).toMatchObject({ bytesSent: 0, blobs: { uploaded: 0, mounted: 0, skipped: 8 } });
      expect([...again.read]).toEqual([]);
      expect(uploads(again)).toEqual([]);
      expect(again.requests.length).toBeLessThanOrEqual(8);
      await readBack(integrationRegistry(), repository, 'v2');
    });

    it('reads headers, the config and the first bytes of each layer from the file, and nothing else', async () => {
      const repository = uniqueRepository('bytes');
      const all = await bytesRead([image.file, url, `${repository}:v1`]);
      expect(all).toBeGreaterThan(SIZES.reduce((sum, size) => sum + size));
      expect(await bytesRead([image.file, url, `${repository}:v2`])).toBeLessThan(100_000);
    });

    it('reads and sends the one layer of seven that has changed', async () => {
      const repository = uniqueRepository('changed');
      await push(image.file, `${repository}:v1`);
      process.env.XDG_CACHE_HOME = join(folder, randomUUID());
      const again = await push(changed.file, `${repository}:v2`);
      expect([...again.read.values()]).toEqual([changed.layers[6]!.plain.size]);
      expect(again.pushed.blobs).toEqual({ uploaded: 2, mounted: 0, skipped: 6 });
      const back = await readBack(integrationRegistry(), repository, 'v2');
      expect(back.layers.map(({ diffId }) => diffId)).toEqual(changed.layers.map(({ diffId }) => diffId));
    });

    it('asks once for a tag that has the image already', async () => {
      const repository = uniqueRepository('same');
      const first = await push(image.file, `${repository}:v1`);
      process.env.XDG_CACHE_HOME = join(folder, randomUUID());
      const again = await push(image.file, `${repository}:v1`);
      expect(again.requests).toEqual([`GET ${url}/v2/${repository}/manifests/v1`]);
      expect(again.pushed.digest).toBe(first.pushed.digest);
    });

    it('finds layers by the tags it is told', async () => {
      const repository = uniqueRepository('told');
      await push(image.file, `${repository}:nightly`);
      for (const tag of ['v1', 'v2', 'v3']) await push(changed.file, `${repository}:${tag}`);
      process.env.XDG_CACHE_HOME = join(folder, randomUUID());
      const again = await push(image.file, `${repository}:v4`, { layersFrom: ['nightly'] });
      expect([...again.read]).toEqual([]);
    });

    it('links them from the repository to mount from', async () => {
      const from = uniqueRepository('from');
      await push(image.file, `${from}:v1`);
      process.env.XDG_CACHE_HOME = join(folder, randomUUID());
      const again = await push(image.file, `${uniqueRepository('to')}:v1`, { mountFrom: from });
      expect([...again.read]).toEqual([]);
      expect(again.pushed.blobs).toMatchObject({ skipped: 0 });
      expect(again.pushed.blobs.mounted).toBeGreaterThanOrEqual(7);
      await readBack(integrationRegistry(), again.pushed.repository, 'v1');
    });

    it('gives a registry what is gone from it', async () => {
      const registry: RegistryProcess = await startRegistry();
      try {
        await push(image.file, 'lossy/app:v1', {}, registry.url);
        const { layers } = await readBack(registry, 'lossy/app', 'v1');
        const { digest } = layers[2]!.descriptor;
        const deleted = await fetch(`${registry.url}/v2/lossy/app/blobs/${digest}`, { method: 'DELETE' });
        expect(deleted.status).toBe(202);
        const again = await push(image.file, 'lossy/app:v2', {}, registry.url);
        expect(again.warnings).toEqual([expect.stringContaining('all blobs are looked for anew')]);
        await readBack(registry, 'lossy/app', 'v2');
      } finally {
        await registry.stop();
      }
    });
  });

  describe('from the machine that pushed it before', () => {
    it('links the layers into another repository, although no tag there tells of them', async () => {
      await push(image.file, `${uniqueRepository('before')}:v1`);
      const again = await push(image.file, `${uniqueRepository('after')}:v1`);
      expect([...again.read]).toEqual([]);
      expect(again.pushed.blobs).toEqual({ uploaded: 1, mounted: 7, skipped: 0 });
      await readBack(integrationRegistry(), again.pushed.repository, 'v1');
    });

    it('sends everything when what it remembers is no longer so', async () => {
      await push(image.file, `${uniqueRepository('before')}:v1`);
      const file = join(process.env.XDG_CACHE_HOME!, 'registry-api-v2-client', 'layers.json');
      const { host } = new URL(url);
      const written = await readFile(file, 'utf8');
      expect(written).toContain(`${host}/`);
      const registry = await startRegistry();
      try {
        await writeFile(file, written.replaceAll(host, new URL(registry.url).host));
        const again = await push(image.file, 'empty/app:v1', {}, registry.url);
        expect(again.read.size).toBe(7);
        await readBack(registry, 'empty/app', 'v1');
      } finally {
        await registry.stop();
      }
    });
  });
});
