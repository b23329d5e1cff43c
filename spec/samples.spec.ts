import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryClient } from '../lib/index.js';
import { RegistryServer } from '../lib/testing/index.js';
import { runNode } from './support/proc.js';

/** What each sample is run with, and what it must print. The build compiles them; they import the package by its name. */
const SAMPLES: Record<string, { args?: string[]; input?: string; prints: RegExp }> = {
  'blobs.ts': {
    args: ['blobs/app', 'LICENSE'],
    prints: /^sha256:5f8f04f6[0-9a-f]+: uploaded\nLICENSE is sha256:[^]*\nthere: true\nreads {"hello": "world"}$/m,
  },
  'connectivity.ts': { prints: /^127\.0\.0\.1:\d+ is there and lets us in$/m },
  'copy.ts': {
    args: ['seed/app:1'],
    prints: /mirror\/app:copy is sha256:.*, 0 bytes sent\n.* 6 blobs, [1-9]\d* bytes/,
  },
  'delete.ts': { args: ['deleted/app', '1'], prints: /would also remove the tags same[^]*with its tags 1, same/ },
  'embedded-registry.ts': {
    args: [join(tmpdir(), `sample-${process.pid}`)],
    prints: /^in this process: true\n.* is served at http:\/\/127\.0\.0\.1:\d+$/m,
  },
  'errors.ts': { prints: /^blobs\/sha256\/f4d781bf[0-9a-f]+: is not in the archive$/m },
  'first-push.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar'],
    prints: /fixture\/app:latest@DIGEST/,
  },
  'image-config.ts': { args: ['seed/app', '1'], prints: /^{.*"rootfs":{"type":"layers","diff_ids":\["sha256:/ },
  'image-info.ts': {
    args: ['seed/app', '1'],
    prints: /linux\/amd64, 6 layers[^]*\[ '\/alpha'[^]*[0-9a-f]{12} is an image of \d+ bytes/,
  },
  'inspect-archive.ts': { prints: /every layer is what its config says/ },
  'instead-of-crane.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'instead/app', '1'],
    prints: /^not there yet\ninstead\/app@DIGEST has the tags 1, latest\n404 MANIFEST_UNKNOWN: fetching the manifest/,
  },
  'list.ts': { prints: /^seed\/app:1 sha256:[0-9a-f]{64}$/m },
  'many-at-once.ts': { prints: /^seed\/app: 1 tags$[^]*^seed\/app:1 \d+ bytes$/m },
  'mirror.ts': {
    args: ['seed/app'],
    prints: /^seed\/app:1@DIGEST: [1-9] blobs sent, 0 there already\nthe mirror has the tags 1$/m,
  },
  'mock-transport.ts': { prints: /^\[ '1\.0', 'latest' \]\n\[ 'GET \/v2\/team\/app\/tags\/list' \]$/m },
  'mount-from.ts': {
    args: ['spec/fixtures/skopeo-oci-archive.tar', 'mount/base', 'mount/app:1'],
    prints: /^[1-9]\d* linked, 0 sent, 0 there already$/m,
  },
  'plan-a-push.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'planned/app:1.0'],
    prints:
      /send blobs\S+ \(\d+ bytes\)[^]*planned\/app:1\.0 would move from nothing to DIGEST\n\d+ bytes in \d+ to \d+ requests/,
  },
  'pull.ts': {
    args: ['seed/app:1', join(tmpdir(), `sample-${process.pid}.tar`)],
    prints: /holds .*seed\/app:1@sha256:[0-9a-f]{64}, \d+ bytes/,
  },
  'push.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'team/app:1.0'],
    prints: /team\/app:1\.0@DIGEST/,
  },
  'push-events.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'followed/app:1.0'],
    prints: /^\d+ blobs, \d+ bytes\n[^]* is there\n[^]*followed\/app:1\.0@DIGEST$/m,
  },
  'push-from-a-pipe.ts': {
    args: ['piped/app:1.0'],
    input: 'spec/fixtures/docker-26-multi-tag.tar',
    prints: /piped\/app:1\.0@sha256:[0-9a-f]{64}/,
  },
  'push-many.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'no-such.tar'],
    prints: /\/team\/app:prod@DIGEST\n[^]*^no-such\.tar failed: TarReadError: there is no file no-such\.tar/m,
  },
  'push-original-tags.ts': {
    args: ['spec/fixtures/docker-20.10-multi-tag.tar', 'mirror'],
    prints: /mirror\/a\/b\/c\/app:x@DIGEST/,
  },
  'quickstart.ts': { prints: /team\/app has the tags prod/ },
  'referrers.ts': {
    args: ['referred/app', '1'],
    prints: /attached (sha256:[0-9a-f]{64})\napplication\/spdx\+json \1/,
  },
  'subclass-service.ts': { prints: /^(exists|uploaded) sha256:[0-9a-f]{64} in audited\/app$/m },
  'tag.ts': { args: ['tagged/app', '1'], prints: /tagged\/app:stable is DIGEST[^]*\nsha256:[0-9a-f]{64}/ },
  'tar-functions.ts': { prints: /fixture\/app:latest[^]*manifest.json lists 1 image\nlinux\/amd64, 6 layers/ },
  'testing-your-code.ts': { prints: /^\S+ pass 3$/m },
  'trace-requests.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'traced/app:1.0'],
    prints:
      /^\[push\] POST http:\S+\/v2\/traced\/app\/blobs\/uploads\/\S* 20[12] [^]*^\[list\] GET \S+ 200 [\d.]+ ms, 0 up, [1-9]\d* down$/m,
  },
  'test-with-embedded-registry.ts': { prints: /the registry has team\/app:1\.0 as DIGEST/ },
};

describe('samples', () => {
  let server: RegistryServer;
  let digest: string;
  beforeAll(async () => {
    server = await RegistryServer.start();
    const client = new RegistryClient({ url: server.url });
    for (const name of ['seed', 'deleted', 'referred', 'tagged']) {
      ({ digest } = await client.push('spec/fixtures/docker-26-multi-tag.tar', `${name}/app:1`));
    }
    await client.close();
  });
  afterAll(async () => {
    await server.close();
    await rm(join(tmpdir(), `sample-${process.pid}.tar`), { force: true });
    await rm(join(tmpdir(), `sample-${process.pid}`), { recursive: true, force: true });
  });

  it('are all run here', async () => {
    const files = (await readdir('samples')).filter((name) => name.endsWith('.ts'));
    expect(files.sort()).toEqual(Object.keys(SAMPLES).sort());
  });

  it.each(Object.keys(SAMPLES))('%s says in its first line what it shows, and is short', async (name) => {
    const text = await readFile(`samples/${name}`, 'utf8');
    expect(text).toMatch(/^\/\/ [A-Z].*[.:]\n/);
    expect(text.split('\n').length).toBeLessThanOrEqual(45);
  });

  it.each(Object.entries(SAMPLES))(
    '%s runs and prints what it promises',
    async (name, { args = [], input, prints }) => {
      const script = `build/samples/${name.replace('.ts', '.js')}`;
      const env = { REGISTRY_URL: server.url };
      const piped = input === undefined ? {} : { input: createReadStream(input) };
      const { code, stdout, stderr } = await runNode(script, args, { env, ...piped });
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      // zlib is not the same in every Node, and with it the digests.
      expect(stdout).toMatch(new RegExp(prints.source.replace('DIGEST', digest), prints.flags));
    },
  );
});
