import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, RegistryClient, TarArchive } from '../../lib/index.js';
import { RegistryServer } from '../../lib/testing/index.js';
import { pushReferrer } from '../cli/referrer.js';
import { noise } from '../support/content.js';
import { imageTar, writeImageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { run, runNode, type RunOptions, type RunResult, startNode } from '../support/proc.js';
import { readBack, readTags } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const MAIN = 'dist/cli/main.js';
const APP = 'spec/fixtures/docker-26-multi-tag.tar';
const INDEX = 'spec/fixtures/skopeo-oci-archive-multi-platform.tar';
const INDEX_DIGEST = 'sha256:882de148739e718a74a090dc81e4ea742b77de372bc5d726ae349998a7369a7f';
const BIG = 60_000_000;

let folder: string;
let host: string;
let client: RegistryClient;
/** Images of all specs that change none: one of one platform, one of two, and one that takes a while. */
let app: string;
let multi: string;
let big: string;
let digest: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-operations-spec-'));
  client = new RegistryClient({ url: integrationRegistry().url });
  host = client.registry;
  [app, multi, big] = ['app', 'multi', 'big'].map((name) => uniqueRepository(`cli-${name}`)) as [
    string,
    string,
    string,
  ];
  ({ digest } = await client.push(APP, `${app}:v1`));
  await client.push(INDEX, `${multi}:v1`);
  const { file } = await writeImageTar(join(folder, 'big.tar'), { format: 'docker-25', layers: [noise(BIG)] });
  await client.push(file, `${big}:v1`, { compression: 'none' });
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

const env = {
  REGISTRY_URL: undefined,
  get DOCKER_CONFIG() {
    return folder;
  },
};

function cli(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runNode(MAIN, args, { ...options, env: { ...env, ...options.env } });
}

/** Runs a line of a shell in which `registry-client` is the one of this build; fails when any program of a pipe does. */
function shell(line: string): Promise<RunResult> {
  const script = `set -o pipefail; registry-client() { "$NODE" "$MAIN" "$@"; }; ${line}`;
  return run('bash', ['-c', script], { env: { ...env, NODE: process.execPath, MAIN, HOST: host } });
}

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(folder, 'empty-'));
}

/** A repository of a spec's own, with the image under these tags. */
async function pushed(...tags: string[]): Promise<string> {
  const repository = uniqueRepository('cli-own');
  for (const tag of tags) await client.push(APP, `${repository}:${tag}`);
  return repository;
}

describe('every command about an image', () => {
  const commands: [string, (name: string, file: string) => string[]][] = [
    ['pull', (name, file) => ['pull', name, file]],
    ['copy', (name) => ['copy', name, `${host}/${uniqueRepository('none')}:v1`]],
    ['inspect', (name) => ['inspect', name]],
    ['manifest', (name) => ['manifest', name]],
    ['resolve', (name) => ['resolve', name]],
    ['referrers', (name) => ['referrers', name]],
    ['tag', (name) => ['tag', name, 'other']],
    ['delete', (name) => ['delete', name]],
    ['delete-tag', (name) => ['delete-tag', name]],
  ];

  it.each(commands)('%s ends with 1 for a tag that is absent', async (_, args) => {
    const target = join(await emptyFolder(), 'app.tar');
    const { code, stdout, stderr } = await cli(args(`${host}/${app}:none`, target));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*none.*\n$/);
    expect(await readTags(integrationRegistry(), app)).toEqual(['v1']);
  });

  it.each(commands)('%s ends with 2 for a name that cannot be', async (_, args) => {
    const { code, stdout, stderr } = await cli(args('localhost:1/UPPER:v1', join(folder, 'never.tar')));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/is not a repository name/);
  });

  it.each(['pull', 'copy', 'inspect', 'manifest'])('%s lists the platforms there are', async (command) => {
    const target = await emptyFolder();
    const more = { pull: [join(target, 'app.tar')], copy: [`${host}/${uniqueRepository('none')}`] }[command] ?? [];
    const { code, stdout, stderr } = await cli([command, `${host}/${multi}:v1`, ...more, '--platform', 'linux/s390x']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/has no image for linux\/s390x; it has linux\/amd64, linux\/arm64/);
    expect(await readdir(target)).toEqual([]);
  });
});

describe('registry-client pull', () => {
  it('writes a file that pushes back under the same digest', async () => {
    const file = join(await emptyFolder(), 'app.tar');
    const pulled = await cli(['pull', `${host}/${app}:v1`, file]);
    expect(pulled).toMatchObject({ code: 0, stdout: `${host}/${app}:v1@${digest}\n` });
    expect(pulled.stderr).toMatch(/^pulling 6 blobs, \d+\.\d kB\n\[1\/6\] pulled sha256:/);
    const again = uniqueRepository('cli-again');
    await cli(['push', file, `${host}/${again}:v1`]);
    expect((await readBack(integrationRegistry(), again, 'v1')).manifestDigest).toBe(digest);
  });

  it('writes one platform, in the format of OCI, without a word but its JSON', async () => {
    const file = join(await emptyFolder(), 'arm.tar');
    const args = ['--platform', 'linux/arm64', '--format', 'oci', '--concurrency', '2', '--json', '--quiet'];
    const { stdout, stderr } = await cli(['pull', `${multi}:v1`, file, '--registry', host, ...args]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ digest: expect.stringMatching(/^sha256:09c9d616/) });
    const archive = await TarArchive.open(file);
    expect(await archive.validate()).toEqual({ valid: true, problems: [] });
    expect((await archive.inspect()).map(({ architecture }) => architecture)).toEqual(['arm64']);
    await archive.close();
  });

  it('writes into a pipe what tar and push read', async () => {
    const { code, stdout, stderr } = await shell(`registry-client pull "$HOST/${app}:v1" - | tar tf -`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^manifest\.json$/m);
    expect(stderr).toMatch(new RegExp(`^pulling 6 blobs[^]*^${host}/${app}:v1@${digest}\n$`, 'm'));
    const quiet = await shell(`registry-client pull -q "$HOST/${multi}:v1" - | sha256sum`);
    expect(quiet).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^[0-9a-f]{64} /) });
  });

  it('writes every byte into a pipe whose reader is slow', async () => {
    const layer = await bigLayer();
    const read = `(sleep 0.5; tar xO "blobs/sha256/${layer}") | sha256sum`;
    const { code, stdout, stderr } = await shell(`registry-client pull -q "$HOST/${big}:v1" - | ${read}`);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${layer}  -\n`, stderr: '' });
  });

  it('ends with 130 also when its reader takes nothing', async () => {
    const args = [MAIN, 'pull', '-q', `${host}/${big}:v1`, '-'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'readable');
    // By then what may wait in the pipe has filled it.
    await sleep(1000);
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    expect(await once(child, 'exit')).toEqual([130, null]);
    clearTimeout(late);
  });

  it('ends as if by SIGPIPE, without a word, when its reader leaves before the end', async () => {
    expect(await shell(`registry-client pull -q "$HOST/${big}:v1" - | head -c 10 | wc -c`)).toMatchObject({
      code: 141,
      stdout: expect.stringMatching(/^ *10\n$/),
      stderr: '',
    });
  });

  it('tells the reader that leaves from the one that has it all', async () => {
    const early = await shell(`registry-client pull -q "$HOST/${app}:v1" - | true`);
    const late = await shell(`registry-client pull -q "$HOST/${app}:v1" - | cat > /dev/null`);
    expect([early.code, late.code]).toEqual([141, 0]);
  });

  it('says in one line that there is no room', async () => {
    const { code, stderr } = await shell(`registry-client pull -q "$HOST/${app}:v1" - > /dev/full`);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: standard output cannot be written: ENOSPC.*\n$/),
    ]);
  });

  it('refuses to write to a terminal', async () => {
    const file = join(folder, 'terminal.mjs');
    await writeFile(
      file,
      `process.stdout.isTTY = true; process.argv.splice(1, 2, process.argv[2]); await import(process.argv[1]);`,
    );
    const main = new URL(`../../${MAIN}`, import.meta.url).pathname;
    const { code, stdout, stderr } = await runNode(file, [main, 'pull', `${host}/${app}:v1`, '-'], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/standard output is a terminal/);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves no file behind on %s', async (signal, expected) => {
    const target = await emptyFolder();
    const { child, result } = startNode(MAIN, ['pull', `${host}/${big}:v1`, join(target, 'big.tar')], { env });
    // The file has its partial name as soon as the manifest is there; then the layer takes its time.
    while ((await readdir(target)).length === 0) await sleep(1);
    child.kill(signal);
    const { code, stdout } = await result;
    expect({ code, stdout, files: await readdir(target) }).toEqual({ code: expected, stdout: '', files: [] });
  });

  async function bigLayer(): Promise<string> {
    const { layers } = await client.getImageInfo(big, 'v1');
    return layers[0]!.digest.slice('sha256:'.length);
  }
});

describe('registry-client copy', () => {
  it('links blobs within the registry', async () => {
    const repository = uniqueRepository('cli-copy');
    const { code, stdout, stderr } = await cli(['copy', `${host}/${multi}:v1`, `${host}/${repository}`]);
    expect([code, stdout]).toEqual([0, `${host}/${repository}:v1@${INDEX_DIGEST}\n`]);
    expect(stderr).toMatch(/^copying 7 blobs, /);
    expect(stderr.match(/^\[\d\/7\] mounted /gm)).toHaveLength(7);
    expect((await readBack(integrationRegistry(), repository, 'v1')).manifestDigest).toBe(INDEX_DIGEST);
  });

  it('streams into another registry and back', async () => {
    const other = await RegistryServer.start();
    try {
      const there = `${new URL(other.url).host}/mirror/app:v2`;
      const sent = await cli(['copy', `http://${host}/${app}:v1`, there, '--quiet']);
      expect(sent).toMatchObject({ code: 0, stdout: `${there}@${digest}\n`, stderr: '' });
      const repository = uniqueRepository('cli-back');
      const back = await cli(['copy', there, `${host}/${repository}`, '--json', '-q']);
      expect(JSON.parse(back.stdout)).toMatchObject({ reference: `${host}/${repository}:v2`, digest });
      expect((await readBack(integrationRegistry(), repository, 'v2')).manifestDigest).toBe(digest);
    } finally {
      await other.close();
    }
  });

  it('copies one platform by names of one registry', async () => {
    const repository = uniqueRepository('cli-arm');
    const { code } = await cli([
      'copy',
      `${multi}:v1`,
      `${repository}:arm`,
      '--registry',
      host,
      '--platform',
      'linux/arm64',
    ]);
    const { config } = await readBack(integrationRegistry(), repository, 'arm');
    expect([code, JSON.parse(config.toString())]).toEqual([0, expect.objectContaining({ architecture: 'arm64' })]);
  });
});

describe('registry-client inspect', () => {
  it('shows an image of the registry to people', async () => {
    const { code, stdout, stderr } = await cli(['inspect', `${host}/${app}:v1`]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Name        ${host}/${app}:v1\nDigest      ${digest}\n`);
    expect(stdout).toMatch(
      /^User +1000:1000\nEntrypoint +\/alpha\nCommand +--help\nEnv +PATH=[^]*^Layers +121 B {2}gzip/m,
    );
  });

  it('shows every platform of an index, and the one that was asked for in full', async () => {
    const { stdout } = await cli(['inspect', `${multi}:v1`, '--platform', 'linux/arm64'], {
      env: { REGISTRY_URL: `http://${host}` },
    });
    expect(stdout).toMatch(/^Platforms +linux\/arm64/m);
    const whole = await cli(['inspect', `${host}/${multi}:v1`]);
    expect(whole.stdout).toMatch(/^Platforms +linux\/amd64 .*\n +linux\/arm64/m);
  });

  it('prints JSON', async () => {
    const { stdout } = await cli(['inspect', `${host}/${multi}:v1`, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ digest: INDEX_DIGEST, platforms: [{ os: 'linux' }, { os: 'linux' }] });
  });
});

describe('registry-client manifest and resolve', () => {
  it('manifest prints the exact bytes, and what they are on standard error', async () => {
    const { stdout, stderr } = await cli(['manifest', `${host}/${multi}:v1`]);
    expect(digestOf(Buffer.from(stdout))).toBe(INDEX_DIGEST);
    expect(stderr).toMatch(
      new RegExp(`^${host}/${multi}:v1@${INDEX_DIGEST} \\(application/vnd.oci.image.index.v1\\+json, `),
    );
  });

  it('manifest prints that of one platform, and JSON', async () => {
    const args = [`${host}/${multi}:v1`, '--platform', 'linux/arm64', '--quiet'];
    const { stdout, stderr } = await cli(['manifest', ...args]);
    const json = JSON.parse((await cli(['manifest', ...args, '--json'])).stdout) as {
      descriptor: object;
      manifest: object;
    };
    expect(stderr).toBe('');
    expect(json.descriptor).toMatchObject({ digest: digestOf(Buffer.from(stdout)) });
    expect(json.manifest).toEqual(JSON.parse(stdout));
  });

  it('resolve prints the descriptor as JSON', async () => {
    const { stdout, stderr } = await cli(['resolve', `${host}/${app}:v1`, '--json', '-q']);
    expect([JSON.parse(stdout), stderr]).toEqual([await client.resolve(app, 'v1'), '']);
  });

  it('resolve prints the digest alone', async () => {
    for (const name of [`${app}:v1`, `${app}@${digest}`]) {
      expect(await cli(['resolve', `${host}/${name}`])).toMatchObject({ code: 0, stdout: `${digest}\n`, stderr: '' });
    }
  });
});

describe('registry-client referrers', () => {
  it('lists what refers to an image, of one type when told to', async () => {
    const repository = await pushed('v1');
    const subject = { repository, tag: 'v1' };
    const spdx = { artifactType: 'application/spdx+json', created: '2024-02-03T04:05:06Z' };
    const sbom = await pushReferrer(client, subject, spdx);
    const signature = await pushReferrer(client, subject, { artifactType: 'application/vnd.example.signature' });
    const { stdout, stderr } = await cli(['referrers', `${host}/${repository}:v1`]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^DIGEST +ARTIFACT TYPE +SIZE +CREATED\n/);
    expect(stdout).toMatch(new RegExp(`^${sbom.digest}  application/spdx\\+json .*  2024-02-03T04:05:06Z$`, 'm'));
    expect(stdout).toContain(signature.digest);
    const one = ['referrers', `${host}/${repository}@${digest}`, '--artifact-type', 'application/spdx+json'];
    expect((await cli([...one, '-q'])).stdout).toBe(`${sbom.digest}\n`);
    expect(JSON.parse((await cli([...one, '--json'])).stdout)).toEqual([
      expect.objectContaining({ digest: sbom.digest }),
    ]);
  });

  it('says that there are none', async () => {
    expect(await cli(['referrers', `${host}/${app}:v1`])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: `nothing refers to ${host}/${app}:v1\n`,
    });
  });
});

describe('registry-client tag', () => {
  it('gives an image more tags', async () => {
    const repository = await pushed('1.2.3');
    const { code, stdout } = await cli(['tag', `${host}/${repository}:1.2.3`, '1.2', 'latest']);
    const names = ['1.2', 'latest'].map((tag) => `${host}/${repository}:${tag}@${digest}\n`);
    expect([code, stdout]).toEqual([0, names.join('')]);
    expect(await readTags(integrationRegistry(), repository)).toEqual(['1.2', '1.2.3', 'latest']);
  });

  it('prints JSON', async () => {
    const repository = await pushed('1');
    const { code, stdout, stderr } = await cli(['tag', `${host}/${repository}:1`, '2', '3', '--json']);
    const tagged = ['2', '3'].map((tag) => ({ reference: `${host}/${repository}:${tag}`, digest }));
    expect([code, JSON.parse(stdout), stderr]).toEqual([0, tagged, '']);
  });

  it('refuses a tag that cannot be, before any other is given', async () => {
    const repository = await pushed('1');
    expect(await cli(['tag', `${host}/${repository}:1`, '2', 'a b'])).toMatchObject({ code: 2, stdout: '' });
    expect(await readTags(integrationRegistry(), repository)).toEqual(['1']);
  });
});

describe('a list whose reader has seen enough', () => {
  it.each(['tags', 'inspect', 'manifest'])('is no failure of %s', async (command) => {
    const name = command === 'tags' ? app : `${app}:v1`;
    expect(await shell(`registry-client ${command} -q "$HOST/${name}" | true`)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('registry-client delete', () => {
  it('deletes an image, and says what goes before it goes', async () => {
    const repository = await pushed('v1');
    const { code, stdout, stderr } = await cli(['delete', `${host}/${repository}:v1`]);
    expect([code, stdout]).toEqual([0, `${host}/${repository}:v1\n${host}/${repository}@${digest}\n`]);
    expect(stderr).toBe(`deleting ${digest} with its tags v1\n`);
    expect(await client.resolve(repository, digest)).toBeUndefined();
  });

  it('takes other tags along only with --force', async () => {
    const repository = await pushed('v1', 'v2');
    const refused = await cli(['delete', `${host}/${repository}:v1`]);
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/would also remove the tags? v2/),
    });
    expect(await readTags(integrationRegistry(), repository)).toEqual(['v1', 'v2']);
    const forced = await cli(['delete', `${host}/${repository}:v1`, '--force', '--json', '--quiet']);
    expect([JSON.parse(forced.stdout), forced.stderr]).toEqual([{ digest, untagged: ['v1', 'v2'] }, '']);
    expect(await client.resolve(repository, 'v2')).toBeUndefined();
  });

  it('asks for a tag where none is given', async () => {
    expect(await cli(['delete', `${host}/${app}`])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has no tag/),
    });
  });
});

describe('registry-client delete-tag', () => {
  it('says that distribution 2.8 cannot, and what helps', async () => {
    const repository = await pushed('v1', 'v2');
    const { code, stdout, stderr } = await cli(['delete-tag', `${host}/${repository}:v1`]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/cannot delete a single tag.*fallback/);
    expect(await readTags(integrationRegistry(), repository)).toEqual(['v1', 'v2']);
  });

  it('removes tags with --fallback, and the image stays under the others', async () => {
    const repository = await pushed('v1', 'v2', 'v3');
    const names = [`${host}/${repository}:v1`, `${host}/${repository}:v3`];
    const { code, stdout, stderr } = await cli(['delete-tag', '--fallback', ...names]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: names.map((name) => `${name}\n`).join(''),
      stderr: '',
    });
    expect(await readTags(integrationRegistry(), repository)).toEqual(['v2']);
    expect((await client.resolve(repository, 'v2'))?.digest).toBe(digest);
  });

  it('prints JSON, also of what is gone when a later one fails', async () => {
    const repository = await pushed('v1', 'v2');
    const names = ['v1', 'none', 'v2'].map((tag) => `${host}/${repository}:${tag}`);
    const { code, stdout, stderr } = await cli(['delete-tag', '--fallback', '--json', '-q', ...names]);
    expect([code, JSON.parse(stdout)]).toEqual([1, [names[0]]]);
    expect(stderr).toMatch(/^error: .*none/);
    expect(await readTags(integrationRegistry(), repository)).toEqual(['v2']);
  });
});

describe('registry-client push --mount-from', () => {
  it('links what the other repository has', async () => {
    const { tar } = imageTar({ format: 'nix' });
    const file = join(folder, 'mount.tar');
    await writeFile(file, tar);
    const [base, own] = [uniqueRepository('cli-base'), uniqueRepository('cli-mount')];
    await cli(['push', file, `${host}/${base}:v1`, '--compression', 'none']);
    const args = ['push', file, `${host}/${own}:v1`, '--compression', 'none'];
    const { code, stderr } = await cli([...args, '--mount-from', base]);
    expect([code, stderr.match(/\] mounted /g)?.length]).toEqual([0, 3]);
    await readBack(integrationRegistry(), own, 'v1');
  });
});

describe('--timeout', () => {
  it('ends a metadata request that gets no answer', async () => {
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as AddressInfo;
    const { code, stderr } = await cli(['ping', `127.0.0.1:${port}`, '--timeout', '0.2']);
    silent.close();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/took longer than 0\.2 s/) });
  });
});
