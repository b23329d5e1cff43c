import { beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from '../../../lib/cli/program.js';
import { digestOf } from '../../../lib/index.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client manifest', () => {
  const registry = new Listening();
  const archives = new Archives();
  let digest: string;
  beforeAll(async () => {
    const tar = await archives.write({ format: 'oci-index', absentPlatforms: [] });
    const { out } = await cli(['push', tar, 'multi:1', '--registry', registry.url, '-q']);
    digest = out.slice(out.indexOf('@') + 1, -1);
  });

  function manifest(...args: string[]) {
    return cli(['manifest', ...args], { REGISTRY_URL: registry.url });
  }

  it('prints the exact bytes, and says on standard error what they are', async () => {
    const { code, out, err } = await manifest('multi:1');
    expect([code, digestOf(Buffer.from(out))]).toEqual([0, digest]);
    expect(err).toBe(
      `${registry.host}/multi:1@${digest} (application/vnd.oci.image.index.v1+json, ${Buffer.byteLength(out)} B)\n`,
    );
  });

  it.each([
    ['a digest', () => `multi@${digest}`],
    ['a host', () => `${registry.host}/multi:1`],
  ])('finds it by %s', async (_, name) => {
    expect(digestOf(Buffer.from((await manifest(name(), '-q')).out))).toBe(digest);
  });

  it('prints that of one platform', async () => {
    const { out, err } = await manifest('multi:1', '--platform', 'linux/arm64');
    const { manifests } = JSON.parse((await manifest('multi:1', '-q')).out) as { manifests: { digest: string }[] };
    expect(digestOf(Buffer.from(out))).toBe(manifests[1]!.digest);
    expect(err).toContain(`${registry.host}/multi@${manifests[1]!.digest} (`);
  });

  it('prints nothing but the bytes when it is quiet', async () => {
    expect(await manifest('multi:1', '--quiet')).toMatchObject({ code: 0, err: '' });
  });

  it('prints the descriptor and the fields as JSON', async () => {
    const { out, err } = await manifest('multi:1', '--json', '--quiet');
    expect([JSON.parse(out), err]).toEqual([
      {
        descriptor: { mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: expect.any(Number) },
        manifest: expect.objectContaining({ schemaVersion: 2, manifests: [expect.anything(), expect.anything()] }),
      },
      '',
    ]);
  });

  it.each([
    [1, 'a tag that is absent', ['multi:none'], /404 Not Found/],
    [1, 'a platform that is absent', ['multi:1', '--platform', 'linux/s390x'], /it has linux\/amd64, linux\/arm64\/v8/],
    [2, 'a platform that is none', ['multi:1', '--platform', 'linux'], /is not a platform/],
    [2, 'a name that cannot be', ['UPPER:1'], /is not a repository name/],
  ])('ends with %p for %s', async (expected, _, args, message) => {
    const { code, out, err } = await manifest(...args);
    expect([code, out, err]).toEqual([expected, '', expect.stringMatching(message)]);
  });

  describe('of a hostile registry', () => {
    const text =
      '{"schemaVersion":2,\r\n\t"layers":[],"config":{"mediaType":"\u009b31m\u202e","digest":"sha256:' +
      `${'a'.repeat(64)}","size":1},"annotations":{"a":"\u007f"}}\n`;
    let server: Server;
    let name: string;
    beforeAll(async () => {
      server = createServer((_, response) => response.end(text));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      server.unref();
      name = `127.0.0.1:${(server.address() as AddressInfo).port}/app:1`;
    });

    it('obeys nothing on a terminal, where it stays the same JSON', async () => {
      const io = new FakeIo({}, { isTTY: true });
      expect(await run(['manifest', name], io)).toBe(0);
      // eslint-disable-next-line no-control-regex -- these are what it is about
      expect(io.out + io.err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(io.out).toMatch(/^\{"schemaVersion":2,\n {2}"layers"/);
      expect(JSON.parse(io.out)).toEqual(JSON.parse(text));
    });

    it('keeps every byte for a file or a program', async () => {
      const io = new FakeIo();
      await run(['manifest', name, '-q'], io);
      expect(io.bytes).toEqual(Buffer.from(text));
    });
  });
});
