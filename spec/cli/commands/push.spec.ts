import { describe, expect, it } from '@jest/globals';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { run } from '../../../lib/cli/program.js';
import { collect, RegistryClient } from '../../../lib/index.js';
import { text } from '../../support/content.js';
import { namedPipe } from '../../support/named-pipe.js';
import { TemporaryFolders } from '../../support/temporary-folder.js';
import { Archives, Listening } from '../archives.js';
import { cli, FakeIo } from '../fake-io.js';

describe('registry-client push', () => {
  const registry = new Listening();
  const archives = new Archives();

  function push(...args: string[]) {
    return cli(['push', ...args], { REGISTRY_URL: registry.url });
  }

  async function tagsOf(repository: string): Promise<string[]> {
    return collect(new RegistryClient({ url: registry.url }).listTags(repository));
  }

  async function digestOf(repository: string, tag: string): Promise<string> {
    return (await new RegistryClient({ url: registry.url }).getManifest(repository, tag)).descriptor.digest;
  }

  describe('without a name', () => {
    it('prints a reference with its digest for each original tag, on standard output alone', async () => {
      const tar = await archives.write({ tags: ['original/app:1', 'registry.example.com/original/app:2'] });
      const { code, out, err } = await push(tar);
      const digest = await digestOf('original/app', '1');
      expect(code).toBe(0);
      expect(out).toBe(`${registry.host}/original/app:1@${digest}\n${registry.host}/original/app:2@${digest}\n`);
      expect(err).toContain('pushing 3 blobs');
      expect(err).toContain(`tagged ${registry.host}/original/app:2`);
      expect(err).not.toContain(digest);
    });

    it('pushes all tags also when told to, and the first one only when told so', async () => {
      const tar = await archives.write({ tags: ['all/app:1', 'all/app:2'] });
      await push(tar, '--first-tag');
      expect(await tagsOf('all/app')).toEqual(['1']);
      await push(tar, '--all-tags');
      expect(await tagsOf('all/app')).toEqual(['1', '2']);
    });

    it('asks for a name when the archive has none', async () => {
      const { code, err } = await push(await archives.write({ tags: null }));
      expect([code, err]).toEqual([2, expect.stringContaining('names no tag, and no name was given')]);
    });

    it('refuses to choose an image for no name', async () => {
      const { code, err } = await push(await archives.write(), '--image', '0');
      expect([code, err]).toEqual([2, expect.stringContaining('--image chooses what gets a name')]);
    });
  });

  describe('with a name', () => {
    it.each([
      ['its own host', (host: string) => [`${host}/named/app:host`], 'host'],
      ['its own scheme', (host: string) => [`http://${host}/named/app:scheme`], 'scheme'],
      ['the registry of --registry', (host: string) => ['named/app:flag', '--registry', host], 'flag'],
      ['the registry of the environment', () => ['named/app:env'], 'env'],
      ['no tag', () => ['named/app'], 'latest'],
    ])('pushes the image under it, with %s', async (_, args, tag) => {
      const { code, out } = await push(await archives.write({ tags: null }), ...args(registry.host));
      expect([code, out]).toEqual([0, `${registry.host}/named/app:${tag}@${await digestOf('named/app', tag)}\n`]);
    });

    it.each(['--first-tag', '--all-tags'])('refuses %s beside it', async (flag) => {
      const { code, err } = await push(await archives.write(), 'app:1', flag);
      expect([code, err]).toEqual([2, expect.stringMatching(/original tags?, but a name was given too/)]);
    });

    it.each([
      ['0', 'one'],
      ['second/app:1', 'two'],
    ])('chooses the image %s of several', async (image, content) => {
      const several = await archives.write({
        images: [
          { tags: ['first/app:1'], layers: [text(100, 'one')] },
          { tags: ['second/app:1'], layers: [text(100, 'two')] },
        ],
      });
      const single = await archives.write({ layers: [text(100, content)] });
      await push(several, 'chosen/app:1', '--image', image);
      await push(single, 'chosen/app:2');
      expect(await digestOf('chosen/app', '1')).toBe(await digestOf('chosen/app', '2'));
    });

    it('asks which of several images is meant', async () => {
      const several = await archives.write({ images: [{ tags: ['a:1'] }, { tags: ['b:1'] }] });
      const { code, err } = await push(several, 'app:1');
      expect([code, err]).toEqual([2, expect.stringContaining('Choose one with the option image (--image)')]);
    });

    it('takes one platform of several', async () => {
      const tar = await archives.write({ format: 'oci-index', absentPlatforms: [] });
      await push(tar, 'platform/app:1', '--platform', 'linux/arm64');
      const client = new RegistryClient({ url: registry.url });
      const { manifest } = await client.getManifest('platform/app', '1');
      expect('layers' in manifest).toBe(true);
      expect((await push(tar, 'app:1', '--platform', 'linux/s390x')).code).toBe(2);
    });
  });

  describe('of standard input', () => {
    async function pushPiped(tar: Buffer, ...args: string[]) {
      return cli(['push', '-', ...args], { REGISTRY_URL: registry.url }, Readable.from([tar], { objectMode: false }));
    }

    it('pushes what is piped in', async () => {
      const tar = await archives.write();
      await push(tar, 'piped/app:file');
      const { code, out } = await pushPiped(await readFile(tar), 'piped/app:pipe');
      const digest = await digestOf('piped/app', 'file');
      expect([code, out]).toEqual([0, `${registry.host}/piped/app:pipe@${digest}\n`]);
    });

    it('reads a pipe by itself, and leaves the stream of the process alone', async () => {
      const folders = new TemporaryFolders();
      const { reader, writer } = namedPipe(await folders.make());
      const tar = await archives.write();
      await push(tar, 'fifo/app:file');
      const io = Object.assign(new FakeIo({ REGISTRY_URL: registry.url }), { stdinFd: reader });
      const running = run(['push', '-', 'fifo/app:pipe'], io);
      createReadStream(tar).pipe(createWriteStream('', { fd: writer }));
      expect(await running).toBe(0);
      expect(io.out).toContain(await digestOf('fifo/app', 'file'));
      expect(io.stdin.destroyed).toBe(false);
      await folders.remove();
    });

    it.each(['a file', 'closed'])('reads the stream of the process where it is %s', async (what) => {
      const tar = await archives.write();
      const file = await open(tar);
      const stdinFd = file.fd;
      if (what === 'closed') await file.close();
      const stdin = Readable.from([await readFile(tar)], { objectMode: false });
      const io = Object.assign(new FakeIo({ REGISTRY_URL: registry.url }, {}, stdin), { stdinFd });
      expect(await run(['push', '-', 'no-pipe/app:1'], io)).toBe(0);
      if (what !== 'closed') await file.close();
    });

    it('says what to do when it is a terminal', async () => {
      const stdin = Object.assign(Readable.from([]), { isTTY: true });
      const { code, err } = await cli(['push', '-', 'app:1'], { REGISTRY_URL: registry.url }, stdin);
      expect([code, err]).toEqual([2, expect.stringContaining('standard input is a terminal')]);
      expect(err).toContain('docker save NAME | registry-client push - REFERENCE');
    });

    it('says that nothing was piped in', async () => {
      const { code, out, err } = await pushPiped(Buffer.alloc(0), 'app:1');
      expect([code, out, err]).toEqual([3, '', expect.stringContaining('the stream is empty')]);
    });

    it('asks for a name', async () => {
      const { code, err } = await pushPiped(await readFile(await archives.write({ tags: ['app:1'] })));
      expect([code, err]).toEqual([2, expect.stringContaining('a stream names its tags at its end')]);
      expect(err).toContain('Give a name to push it under, or push a file, which keeps its original tags.');
    });

    it('ends with 130 when it is interrupted while it waits for bytes', async () => {
      const tar = await readFile(await archives.write());
      const stdin = new Readable({ read: () => undefined });
      stdin.push(tar.subarray(0, 600));
      const io = new FakeIo({ REGISTRY_URL: registry.url }, {}, stdin);
      const running = run(['push', '-', 'interrupted/pipe:1'], io);
      setTimeout(() => io.interrupt(), 50);
      expect(await running).toBe(130);
      expect(stdin.destroyed).toBe(true);
    });
  });

  it('leaves layers plain when told to', async () => {
    await push(await archives.write(), 'plain/app:1', '--compression', 'none', '--concurrency', '1');
    const { manifest } = await new RegistryClient({ url: registry.url }).getManifest('plain/app', '1');
    expect(manifest).toMatchObject({ layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar' }, {}] });
  });

  it('links what another repository has', async () => {
    const tar = await archives.write({ format: 'oci' });
    await push(tar, 'mounted/base:1');
    const { code, err } = await push(tar, 'mounted/app:1', '--mount-from', 'mounted/base');
    expect([code, err.match(/^\[\d\/3\] mounted /gm)?.length]).toEqual([0, 3]);
    expect(await digestOf('mounted/app', '1')).toBe(await digestOf('mounted/base', '1'));
  });

  it('reads no layer of what is there under another tag, and finds it under the tags it is told', async () => {
    const tar = await archives.write();
    await push(tar, 'layers/app:nightly');
    const others = await archives.write({ layers: [text(100, 'other')] });
    for (const tag of ['1.0', '1.1', '1.2']) await push(others, `layers/app:${tag}`);
    const flags = ['--layers-from', 'weekly', '--layers-from', 'nightly', '--no-cache'];
    const { code, err } = await push(tar, 'layers/app:1.3', ...flags);
    expect([code, err.match(/^\[\d\/3\] already there /gm)?.length]).toEqual([0, 3]);
  });

  it('refuses to look at what is no tag', async () => {
    const { code, err } = await push(await archives.write(), 'layers/app:2', '--layers-from', 'no/tag');
    expect([code, err]).toEqual([2, expect.stringContaining('"no/tag" is not a tag')]);
  });

  it('remembers what it has sent, unless it is told to forget', async () => {
    const tar = await archives.write({ layers: [text(100, 'remembered')] });
    await push(tar, 'forgotten/one:1', '--no-cache');
    expect((await push(tar, 'forgotten/two:1')).err).not.toContain('mounted');
    expect((await push(tar, 'forgotten/three:1', '--no-cache')).err).not.toContain('mounted');
    expect((await push(tar, 'forgotten/four:1')).err).toContain('mounted');
  });

  it('prints JSON, and with --quiet nothing else', async () => {
    const { out, err } = await push(await archives.write(), 'json/app:1', '--json', '--quiet');
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual([
      expect.objectContaining({ reference: `${registry.host}/json/app:1`, digest: await digestOf('json/app', '1') }),
    ]);
  });

  describe('with --progress json', () => {
    function states(err: string): unknown[] {
      return err
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { state: string }).state);
    }

    it('tells programs what it does, line by line, and people nothing else', async () => {
      const { code, err } = await push(await archives.write(), 'lines/app:1', '--progress', 'json');
      expect([code, states(err)[0], states(err).slice(-2)]).toEqual([0, 'planned', ['tagged', 'done']]);
    });

    it('ends with the error as such a line', async () => {
      const { code, err } = await push('nowhere.tar', 'app:1', '--progress', 'json');
      expect([code, states(err), JSON.parse(err)]).toEqual([3, ['error'], expect.objectContaining({ exitCode: 3 })]);
    });
  });

  it('keeps errors when it is quiet', async () => {
    expect((await push('nowhere.tar', 'app:1', '-q')).err).toContain('there is no file nowhere.tar');
  });

  it('tags nothing that is wrong', async () => {
    const { code, out, err } = await push(await archives.write({ wrongDiffId: 0 }), 'wrong/app:1');
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/error: .*diff_id/);
    expect(await tagsOf('wrong/app').catch(() => [])).toEqual([]);
  });

  it('ends with 130 and no result when it is interrupted', async () => {
    const io = new FakeIo({ REGISTRY_URL: registry.url });
    io.interruptAt('pushing');
    expect(await run(['push', await archives.write(), 'interrupted/app:1'], io)).toBe(130);
    expect(io.out).toBe('');
    await expect(tagsOf('interrupted/app')).rejects.toMatchObject({ status: 404 });
  });
});
