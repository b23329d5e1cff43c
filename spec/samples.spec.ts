import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { RegistryClient } from '../lib/index.js';
import { runNode } from './support/proc.js';
import { SampleRig } from './support/sample-rig.js';
import { tlsFile } from './support/tls-front.js';

/** A machine of ours may have some. */
const NO_PROXIES = Object.fromEntries(
  ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].map((name) => [name, '']),
);

interface Run {
  /** Or what they are once the servers are known. */
  args?: string[] | ((rig: SampleRig) => string[]);
  env?: (rig: SampleRig) => Record<string, string>;
  input?: string;
  prints: RegExp;
  /** On standard error. */
  says?: RegExp;
}

/** What each sample is run with, and what it must print. The build compiles them; they import the package by its name. */
const SAMPLES: Record<string, Run> = {
  'blobs.ts': {
    args: ['blobs/app', 'LICENSE'],
    prints: /^sha256:5f8f04f6[0-9a-f]+: uploaded\nLICENSE is sha256:[^]*\nthere: true\nreads {"hello": "world"}$/m,
  },
  'commonjs.cjs': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'required/app:1'],
    prints: /required\/app:1@DIGEST, one of 1 tags$/m,
  },
  'connectivity.ts': { prints: /^127\.0\.0\.1:\d+ is there and lets us in$/m },
  'copy.ts': {
    args: ['seed/app:1'],
    prints: /mirror\/app:copy is sha256:.*, 0 bytes sent\n.* 6 blobs, [1-9]\d* bytes/,
  },
  'delete.ts': { args: ['deleted/app', '1'], prints: /would also remove the tags same[^]*with its tags 1, same/ },
  'embedded-registry.ts': {
    args: ({ path }) => [path('images')],
    prints: /^in this process: true\n.* is served at http:\/\/127\.0\.0\.1:\d+$/m,
  },
  'errors.ts': { prints: /^blobs\/sha256\/f4d781bf[0-9a-f]+: is not in the archive$/m },
  'first-push.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar'],
    prints: /fixture\/app:latest@DIGEST/,
  },
  'gateway.ts': {
    args: ({ gateway }) => [gateway.url, 'spec/fixtures/docker-26-multi-tag.tar', 'team/app:1.0'],
    env: () => ({ ACCESS_SECRET: 'open sesame' }),
    prints: /team\/app:1\.0@DIGEST/,
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
  'login.ts': {
    args: ['ci'],
    env: ({ locked, path }) => ({
      REGISTRY_URL: locked.url,
      REGISTRY_PASSWORD: 'open sesame',
      DOCKER_CONFIG: path('docker'),
    }),
    prints: /^kept by \S+config\.json\nlets us in: true\nforgotten in 1 place$/m,
  },
  'many-at-once.ts': { prints: /^seed\/app: 1 tags$[^]*^seed\/app:1 \d+ bytes$/m },
  'mirror.ts': {
    args: ['seed/app'],
    prints: /^seed\/app:1@DIGEST: [1-9] blobs sent, 0 there already\nthe mirror has the tags 1$/m,
  },
  'mirrors-for-reading.ts': {
    // The mirror has all but what is asked for.
    args: ({ server, other, path }) => [server.url, other.url, 'seed/app:1', path('mirrored.tar')],
    prints:
      /^GET (http:\S+)\/v2\/seed\/app\/manifests\/1 404 [^]*^GET (?!\1)http:\S+ 200 [^]* holds .*seed\/app:1@DIGEST$/m,
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
  'private-ca.ts': {
    args: ({ front }) => [
      `https://127.0.0.1:${front.port}`,
      ...['ca.pem', 'client.pem', 'client.key'].map((name) => tlsFile(name)),
    ],
    prints: /^127\.0\.0\.1:\d+ is who it says, and knows us$/m,
  },
  'progress-line.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'drawn/app:1.0'],
    // No terminal: the last line only, which is on standard error.
    prints: /drawn\/app:1\.0@DIGEST$/m,
    says: /100 % of [1-9]\d* bytes\n$/,
  },
  'proxy.ts': {
    // By a name that only the proxy knows.
    args: ({ server, proxy }) => [`http://registry.test:${new URL(server.url).port}`, proxy.url('me:pass')],
    prints: /^registry\.test:\d+ is there, by the proxy$/m,
  },
  'pull.ts': {
    args: ({ path }) => ['seed/app:1', path('pulled.tar')],
    prints: /holds .*seed\/app:1@sha256:[0-9a-f]{64}, \d+ bytes/,
  },
  'pull-into-a-stream.ts': {
    args: ['seed/app:1', 'wc', '-c'],
    prints: /^\s*(\d+)\n.*seed\/app:1@DIGEST, \1 bytes, wc ended with 0$/m,
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
  'rebind-a-part.ts': { prints: /^[1-9]\d* repositories, asked with Map\(1\) \{ 'GET' => [2-9] \}$/m },
  'referrers.ts': {
    args: ['referred/app', '1'],
    prints: /attached (sha256:[0-9a-f]{64})\napplication\/spdx\+json \1/,
  },
  'settings-for-hosts.ts': {
    args: ({ front, other }) => [`https://127.0.0.1:${front.port}`, other.url, 'seed/app:1'],
    env: ({ path }) => ({ REGISTRY_CLIENT_CONFIG: path('config.json') }),
    prints: /^127\.0\.0\.1:\d+ has seed\/app:1 as DIGEST, [1-9] blobs sent$/m,
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
  'zstd.ts': {
    args: ['spec/fixtures/docker-26-multi-tag.tar', 'zstd/app', '1'],
    prints: 'createZstdCompress' in zlib ? /tar\+zstd, \d+ bytes$/m : /tar\.gzip, \d+ bytes$/m,
  },
};

describe('samples', () => {
  let rig: SampleRig;
  let digest: string;
  beforeAll(async () => {
    rig = await SampleRig.start();
    const client = new RegistryClient({ url: rig.server.url });
    for (const name of ['seed', 'deleted', 'referred', 'tagged']) {
      ({ digest } = await client.push('spec/fixtures/docker-26-multi-tag.tar', `${name}/app:1`));
    }
    await client.close();
  });
  afterAll(() => rig.stop());

  it('are all run here', async () => {
    const files = (await readdir('samples')).filter((name) => /\.c?[jt]s$/.test(name));
    expect(files.sort()).toEqual(Object.keys(SAMPLES).sort());
  });

  it.each(Object.keys(SAMPLES))('%s says in its first line what it shows, and is short', async (name) => {
    const text = await readFile(`samples/${name}`, 'utf8');
    expect(text).toMatch(/^\/\/ [A-Z].*[.:]\n/);
    expect(text.split('\n').length).toBeLessThanOrEqual(45);
  });

  it.each(Object.entries(SAMPLES))(
    '%s runs and prints what it promises',
    async (name, { args = [], env, input, prints, says }) => {
      // Plain JavaScript is run as it is.
      const script = name.endsWith('.cjs') ? `samples/${name}` : `build/samples/${name.replace('.ts', '.js')}`;
      const piped = input === undefined ? {} : { input: createReadStream(input) };
      const { code, stdout, stderr } = await runNode(script, typeof args === 'function' ? args(rig) : args, {
        env: { ...NO_PROXIES, REGISTRY_URL: rig.server.url, ...env?.(rig) },
        ...piped,
      });
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      // zlib is not the same in every Node, and with it the digests.
      expect(stdout).toMatch(new RegExp(prints.source.replace('DIGEST', digest), prints.flags));
      if (says) expect(stderr).toMatch(says);
    },
  );
});
