import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { collect, type PushPlan, RegistryClient } from '../../../lib/index.js';
import { startTestRegistry } from '../../../lib/testing/index.js';
import { text } from '../../support/content.js';
import { Archives, Listening } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client push --dry-run', () => {
  const registry = new Listening();
  const archives = new Archives();

  function push(...args: string[]) {
    return cli(['push', ...args], { REGISTRY_URL: registry.url });
  }

  function plan(...args: string[]) {
    return push(...args, '--dry-run');
  }

  async function planned(...args: string[]): Promise<PushPlan> {
    const { code, out } = await plan(...args, '--json');
    expect(code).toBe(0);
    return JSON.parse(out) as PushPlan;
  }

  it('prints what would become of each blob and each tag, and a summary, on standard output alone', async () => {
    const tar = await archives.write({ tags: ['dry/app:1'], layers: [text(300_000, 'dry'), text(100, 'small')] });
    const { code, out, err } = await plan(tar);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^ACTION +BLOB +SIZE +REPOSITORY\n/);
    expect(out).toMatch(/^send +blobs\/sha256\/[0-9a-f]{12} +at most 30\d\.\d kB +dry\/app$/m);
    expect(out).toMatch(new RegExp(`^set +${registry.host}/dry/app:1 +known once it is packed$`, 'm'));
    expect(out).toMatch(
      /\nwould send 3 blobs \(at most 30\d\.\d kB\), mount 0, skip 0, leave 0 known; set 1 of 1 tag; in \d+ to \d+ requests\. Nothing was changed\.\n$/,
    );
  });

  it('pushes nothing', async () => {
    await plan(await archives.write({ tags: ['nothing/app:1'] }));
    const client = new RegistryClient({ url: registry.url });
    expect(await collect(client.listRepositories())).not.toContain('nothing/app');
  });

  it('says which tags stay, and what the others pointed to', async () => {
    const tar = await archives.write({ tags: null, layers: [text(100, 'stays')] });
    const other = await archives.write({ tags: null, layers: [text(100, 'moves')] });
    const { out } = await push(tar, 'stay/app:1');
    const digest = out.split('@')[1]!.trim();
    const again = await plan(tar, 'stay/app:1');
    expect(again.out).toMatch(new RegExp(`^keep +${registry.host}/stay/app:1 +${digest}$`, 'm'));
    expect(again.out).toContain('leave 2 known; set 0 of 1 tag; in 1 request. Nothing was changed.');
    const moved = await plan(other, 'stay/app:1');
    expect(moved.out).toMatch(new RegExp(`^set +\\S+ +sha256:[0-9a-f]{64} +was ${digest}$`, 'm'));
  });

  it('links from the repository of --mount-from', async () => {
    const tar = await archives.write({ tags: null, layers: [text(100, 'linked')] });
    await push(tar, 'mount/base:1');
    const { out } = await plan(tar, 'mount/app:1', '--mount-from', 'mount/base', '--no-cache');
    expect(out).toMatch(/^mount +blobs\S+ +\d+ B +mount\/app from mount\/base$/m);
  });

  it.each<[flags: string[], tags: string[]]>([
    [[], ['flags/a:1', 'flags/b:2']],
    [['--first-tag'], ['flags/a:1']],
    [['flags/named:3', '--image', '0'], ['flags/named:3']],
    [['flags/named:3', '--compression', 'none', '--layers-from', 'x', '--platform', 'linux/amd64'], ['flags/named:3']],
  ])('takes the flags of a push: %j', async (flags, tags) => {
    const tar = await archives.write({ format: 'skopeo', tags: ['flags/a:1', 'flags/b:2'] });
    const { tags: found } = await planned(tar, ...flags);
    expect(found.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(tags);
  });

  it('prints the whole plan as JSON, with nothing else beside it', async () => {
    const plan = await planned(await archives.write({ tags: ['json/app:1'] }));
    expect(plan).toEqual({
      registry: registry.host,
      blobs: expect.any(Array),
      tags: [expect.objectContaining({ action: 'set', reference: `${registry.host}/json/app:1`, omitted: [] })],
      counts: { send: plan.blobs.length, mount: 0, skip: 0, known: 0 },
      bytes: plan.blobs.reduce((sum, { bytes }) => sum + bytes, 0),
      isExact: true,
      requests: { atLeast: expect.any(Number), atMost: expect.any(Number) },
      warnings: [],
    });
  });

  it('warns on standard error, unless it is to be quiet', async () => {
    const tar = await archives.write({ format: 'docker-containerd' });
    expect((await plan(tar, 'warn/app')).err).toMatch(/^warning: not in the archive, and not pushed: linux\/s390x/);
    expect((await plan(tar, 'warn/app', '--quiet')).err).toBe('');
  });

  it('warns with a line of JSON where a push would', async () => {
    const tar = await archives.write({ format: 'docker-containerd' });
    const { err } = await plan(tar, 'warn/app', '--progress', 'json');
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { state: 'warning', message: expect.stringMatching(/^not in the archive, and not pushed: linux\/s390x/) },
    ]);
  });

  describe('of standard input', () => {
    it('refuses, for nothing would be left of it to push', async () => {
      const stdin = Object.assign(Readable.from([await readFile(await archives.write())]), { isTTY: false });
      const args = ['push', '-', 'app:1', '--dry-run'];
      const { code, out, err } = await cli(args, { REGISTRY_URL: registry.url }, stdin);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain('standard input cannot be planned');
      expect(err).toContain('docker save -o');
    });
  });

  it.each<[what: string, code: number, args: string[], says: string]>([
    ['an archive that is not there', 3, ['no-such.tar', 'app:1'], 'no-such.tar'],
    ['--first-tag beside a name', 2, ['app.tar', 'app:1', '--first-tag'], '--first-tag keeps an original tag'],
    ['--image without a name', 2, ['app.tar', '--image', '0'], '--image chooses what gets a name'],
    ['a registry that wants a password', 4, ['TAR', 'LOCKED/app:1'], '401'],
  ])('ends like a push with %s', async (_, code, args, says) => {
    const tar = await archives.write();
    const locked = await startTestRegistry({ auth: 'basic' });
    const given = args.map((arg) => (arg === 'TAR' ? tar : arg.replace('LOCKED', locked.url)));
    const [planned, pushed] = [await plan(...given), await push(...given)];
    await locked.close();
    expect([planned.code, pushed.code]).toEqual([code, code]);
    expect(planned.err).toContain(says);
  });
});
