import { beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../lib/cli/program.js';
import { TarArchive } from '../../../lib/index.js';
import { text } from '../../support/content.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client pull', () => {
  const registry = new Listening();
  const archives = new Archives();
  let digest: string;
  beforeAll(async () => {
    const tar = await archives.write({ tags: ['team/app:1', 'team/app:latest'] });
    const { out } = await cli(['push', tar, '--registry', registry.url, '-q']);
    digest = out.slice(out.indexOf('@') + 1, out.indexOf('\n'));
  });

  function pull(...args: string[]) {
    return cli(['pull', ...args], { REGISTRY_URL: registry.url });
  }

  it('writes an archive that pushes back, and prints what it is', async () => {
    const file = join(await archives.folder('plain'), 'app.tar');
    const { code, out, err } = await pull('team/app:1', file);
    expect([code, out]).toEqual([0, `${registry.host}/team/app:1@${digest}\n`]);
    expect(err).toMatch(/^pulling 3 blobs, .*\n\[1\/3\] pulled sha256:[0-9a-f]{12} \(/);
    const again = await cli(['push', file, 'again/app', '--registry', registry.url]);
    expect(again.out).toBe(`${registry.host}/again/app:latest@${digest}\n`);
  });

  it.each([
    ['its own host', (host: string) => `${host}/team/app:1`, '1'],
    ['its own scheme', (host: string) => `http://${host}/team/app:1`, '1'],
    ['no tag', () => 'team/app', 'latest'],
  ])('finds a name with %s, and gives it to the archive', async (_, name, tag) => {
    const file = join(await archives.folder('names'), 'app.tar');
    expect((await pull(name(registry.host), file)).out).toBe(`${registry.host}/team/app:${tag}@${digest}\n`);
    const archive = await TarArchive.open(file);
    expect(archive.originalTags).toEqual([`${registry.host}/team/app:${tag}`]);
    await archive.close();
  });

  it('finds a digest, which gives the archive no tag', async () => {
    const file = join(await archives.folder('digest'), 'app.tar');
    expect((await pull(`team/app@${digest}`, file, '-q')).out).toBe(`${registry.host}/team/app@${digest}\n`);
    const archive = await TarArchive.open(file);
    expect(archive.originalTags).toEqual([]);
    await archive.close();
  });

  it('writes the format it is told to', async () => {
    const folder = await archives.folder('formats');
    for (const format of ['docker', 'oci']) await pull('team/app:1', join(folder, format), '--format', format);
    const holds = async (format: string) => (await readFile(join(folder, format))).includes('manifest.json');
    expect([await holds('docker'), await holds('oci')]).toEqual([true, false]);
  });

  it('takes one platform of several', async () => {
    const tar = await archives.write({ format: 'oci-index', absentPlatforms: [] });
    await cli(['push', tar, 'multi:1', '--registry', registry.url]);
    const folder = await archives.folder('platform');
    expect(
      (await pull('multi:1', join(folder, 'arm.tar'), '--platform', 'linux/arm64', '--concurrency', '1')).code,
    ).toBe(0);
    const archive = await TarArchive.open(join(folder, 'arm.tar'));
    expect((await archive.inspect()).map(({ architecture }) => architecture)).toEqual(['arm64']);
    await archive.close();
    const { code, out, err } = await pull('multi:1', join(folder, 'none.tar'), '--platform', 'linux/s390x');
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('it has linux/amd64, linux/arm64/v8');
    expect(await readdir(folder)).toEqual(['arm.tar']);
  });

  it('prints JSON, and with --quiet nothing else', async () => {
    const file = join(await archives.folder('json'), 'app.tar');
    const { out, err } = await pull('team/app:1', file, '--json', '--quiet');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({ digest, size: (await readFile(file)).length });
  });

  describe('to standard output', () => {
    async function piped(...flags: string[]): Promise<FakeIo> {
      const io = new FakeIo({ REGISTRY_URL: registry.url });
      expect(await run(['pull', 'team/app:1', '-', ...flags], io)).toBe(0);
      return io;
    }

    it('writes the archive, and the result to standard error', async () => {
      const io = await piped();
      expect(io.err).toMatch(new RegExp(`^pulling 3 blobs[^]*\n${registry.host}/team/app:1@${digest}\n$`));
      const archive = await TarArchive.open(io.bytes);
      expect(await archive.validate()).toEqual({ valid: true, problems: [] });
      await archive.close();
    });

    it('writes the result as JSON there', async () => {
      const { err } = await piped('--json');
      expect(JSON.parse(err.slice(err.indexOf('{')))).toMatchObject({ digest });
    });

    it('writes the result as one of the lines for programs', async () => {
      const { err } = await piped('--progress', 'json');
      const lines = err.trimEnd().split('\n');
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({ state: 'result', digest });
      expect(JSON.parse(lines.at(-2)!)).toMatchObject({ state: 'done', pulled: 3 });
    });

    it('writes nothing but the archive when it is quiet', async () => {
      const io = await piped('--quiet', '--json');
      expect(io.err).toBe('');
      expect(io.bytes.length % 512).toBe(0);
    });

    it('needs its reader to the end, but not for the result of an archive in a file', async () => {
      const needed = await piped();
      const io = new FakeIo({ REGISTRY_URL: registry.url });
      expect(await run(['pull', 'team/app:1', join(await archives.folder('reader'), 'app.tar')], io)).toBe(0);
      expect([needed.readerRequired, io.readerRequired]).toEqual([true, false]);
    });

    it('refuses a terminal before anything is asked for', async () => {
      const io = new FakeIo({ REGISTRY_URL: 'http://127.0.0.1:1' }, { isTTY: true });
      expect(await run(['pull', 'team/app:1', '-'], io)).toBe(2);
      expect([io.out, io.err]).toEqual(['', expect.stringContaining('standard output is a terminal')]);
    });
  });

  it.each([
    [1, 'a tag that is absent', 'team/app:none', /404 Not Found \(MANIFEST_UNKNOWN/],
    [1, 'a repository that is absent', 'none:1', /404 Not Found/],
    [2, 'a name that cannot be', 'UPPER', /is not a repository name/],
    [2, 'a digest that is none', 'app@sha256:1', /is not a digest/],
  ])('ends with %p for %s, and leaves no file', async (expected, _, name, message) => {
    const folder = await archives.folder('none');
    const { code, out, err } = await pull(name, join(folder, 'app.tar'));
    expect([code, out]).toEqual([expected, '']);
    expect(err).toMatch(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says when the file cannot be written', async () => {
    const { code, err } = await pull('team/app:1', join(await archives.folder('absent'), 'nowhere', 'app.tar'));
    expect([code, err]).toEqual([2, expect.stringContaining('cannot be written')]);
  });

  it('ends with 130, no result and no file when it is interrupted', async () => {
    await cli(['push', await archives.write({ layers: [text(8_000_000)] }), 'large:1', '--registry', registry.url]);
    const folder = await archives.folder('interrupted');
    const io = new FakeIo({ REGISTRY_URL: registry.url });
    io.interruptAt('pulling');
    expect(await run(['pull', 'large:1', join(folder, 'app.tar')], io)).toBe(130);
    expect(io.out).toBe('');
    expect(await readdir(folder)).toEqual([]);
  });
});
