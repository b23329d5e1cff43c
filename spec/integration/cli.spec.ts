import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../lib/version.js';
import { text } from '../support/content.js';
import { imageTar, writeImageTar } from '../support/image-tar.js';
import { basicRegistry, integrationRegistry } from '../support/integration-registry.js';
import { runNode, type RunOptions, type RunResult, startNode } from '../support/proc.js';
import { readBack, readTags } from '../support/reading-back.js';
import { uniqueRepository } from '../support/unique.js';

const MAIN = 'dist/cli/main.js';
const FIXTURES = 'spec/fixtures';
const APP = join(FIXTURES, 'docker-26-multi-tag.tar');
const DIGEST = /@sha256:[0-9a-f]{64}$/;

let folder: string;
let host: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-spec-'));
  host = new URL(integrationRegistry().url).host;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function cli(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const env = { REGISTRY_URL: undefined, DOCKER_CONFIG: folder, ...options.env };
  return runNode(MAIN, args, { ...options, env });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

describe('registry-client', () => {
  it('prints its version', async () => {
    expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  it('explains every command with examples', async () => {
    for (const command of ['push', 'tags', 'repos', 'inspect', 'validate', 'ping', 'serve']) {
      const { code, stdout } = await cli([command, '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain(`registry-client ${command}`);
      expect(stdout).toContain('Examples:');
    }
  });

  it.each([
    ['an unknown command', ['pusch'], /Did you mean push/],
    ['an unknown flag', ['push', 'a.tar', '--compresion', 'gzip'], /Did you mean --compression/],
    ['a missing argument', ['push'], /missing required argument/],
    ['an unknown compression', ['push', 'a.tar', '--compression', 'lzma'], /Allowed choices are gzip, zstd, none/],
    ['a concurrency that is no number', ['push', 'a.tar', '--concurrency', 'many'], /whole number/],
    ['two flags that exclude each other', ['push', 'a.tar', '--all-tags', '--first-tag'], /cannot be used with/],
    ['a name that cannot be', ['push', APP, 'localhost:1/UPPER'], /not a repository name/],
    ['an address that is none', ['ping', 'ftp://host'], /not the address of a registry/],
    [
      'a registry named twice',
      ['push', APP, 'localhost:1/app', '--registry', 'localhost:2'],
      /names a registry, and so does/,
    ],
  ])('answers %s with exit code 2', async (_, args, message) => {
    const { code, stdout, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  describe('push', () => {
    it('prints one reference with its digest per original tag, and everything else on standard error', async () => {
      const repository = uniqueRepository('cli');
      const { tar } = imageTar({ format: 'docker-25', tags: [`${repository}:1`, `${repository}:2`] });
      const file = join(folder, 'tags.tar');
      await writeFile(file, tar);
      const { code, stdout, stderr } = await cli(['push', file, '--registry', host]);
      expect(code).toBe(0);
      expect(lines(stdout).map((line) => line.replace(DIGEST, ''))).toEqual([
        `${host}/${repository}:1`,
        `${host}/${repository}:2`,
      ]);
      expect(stderr).toMatch(/pushing 3 blobs/);
      expect(stderr).toMatch(/\[3\/3\] uploaded/);
    });

    it('pushes under a name with a host', async () => {
      const repository = uniqueRepository('cli');
      const { code, stdout } = await cli(['push', APP, `${host}/${repository}:v1`]);
      expect(code).toBe(0);
      const [line = ''] = lines(stdout);
      const { manifestDigest } = await readBack(integrationRegistry(), repository, 'v1');
      expect(line).toBe(`${host}/${repository}:v1@${manifestDigest}`);
    });

    it('takes the registry from the environment and the scheme from the name', async () => {
      const repository = uniqueRepository('cli');
      const named = await cli(['push', APP, `${repository}:env`], { env: { REGISTRY_URL: `http://${host}` } });
      const schemed = await cli(['push', APP, `http://${host}/${repository}:scheme`]);
      expect([named.code, schemed.code]).toEqual([0, 0]);
      expect(await readTags(integrationRegistry(), repository)).toEqual(['env', 'scheme']);
    });

    it('pushes the first tag only when asked to', async () => {
      const repository = uniqueRepository('cli');
      const file = join(folder, 'first.tar');
      await writeFile(file, imageTar({ format: 'docker-25', tags: [`${repository}:a`, `${repository}:b`] }).tar);
      expect((await cli(['push', file, '--registry', host, '--first-tag'])).code).toBe(0);
      expect(await readTags(integrationRegistry(), repository)).toEqual(['a']);
    });

    it('prints JSON for programs and nothing else when quiet', async () => {
      const repository = uniqueRepository('cli');
      const { stdout, stderr } = await cli([
        'push',
        APP,
        `${host}/${repository}:v1`,
        '--json',
        '--quiet',
        '--compression',
        'none',
      ]);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual([
        expect.objectContaining({ repository, tag: 'v1', blobs: { uploaded: 6, mounted: 0, skipped: 0 } }),
      ]);
    });

    it.each([
      ['there is no such file', 'nowhere.tar', 3, /there is no file nowhere.tar/],
      ['the file is a directory', FIXTURES, 3, /is a directory/],
      [
        'the archive lacks its blobs',
        join(FIXTURES, 'docker-26-containerd-missing-blobs.tar'),
        3,
        /is not in the archive/,
      ],
    ])('exits with its code when %s', async (_, file, expected, message) => {
      const { code, stdout, stderr } = await cli(['push', file, `${host}/app`]);
      expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
      expect(stderr).toMatch(message);
    });

    it('exits with 2 when neither the archive nor the user gives a name', async () => {
      const { code, stderr } = await cli(['push', join(FIXTURES, 'docker-20.10-untagged.tar'), '--registry', host]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/names no tag, and no name was given/);
    });

    it('exits with 1 when nobody listens', async () => {
      const { code, stderr } = await cli(['push', APP, 'localhost:1/app']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/ECONNREFUSED.*Is the registry running/);
    });

    it('exits with 4 when the registry does not know us', async () => {
      const { url, username } = basicRegistry();
      const { code, stderr } = await cli([
        'push',
        APP,
        'app',
        '--registry',
        url.replace('://', `://${username}:wrong-secret@`),
      ]);
      expect(code).toBe(4);
      expect(stderr).not.toContain('wrong-secret');
    });

    it.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('ends with its sessions given back on %s', async (signal, expected) => {
      const file = join(folder, `${signal}.tar`);
      await writeImageTar(file, { format: 'docker-25', layers: [text(150_000_000, signal)] });
      const repository = uniqueRepository('cli');
      const env = { REGISTRY_URL: undefined, REGISTRY_DEBUG: 'true', DOCKER_CONFIG: folder };
      const { child, result } = startNode(MAIN, ['push', file, `${host}/${repository}`], { env });
      child.stderr?.once('data', () => setTimeout(() => child.kill(signal), 300));
      const { code, stdout, stderr } = await result;
      expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
      expect(lines(stderr).filter((line) => /^POST .* 202 /.test(line))).toHaveLength(
        lines(stderr).filter((line) => /^(DELETE .*uploads.* (204|404)|PUT .*uploads.* 201) /.test(line)).length,
      );
      expect(await readTags(integrationRegistry(), repository)).toEqual([]);
    });
  });

  describe('tags, repos and ping', () => {
    it('list what was pushed', async () => {
      const repository = uniqueRepository('cli');
      await cli(['push', APP, `${host}/${repository}:v1`]);
      expect((await cli(['tags', `${host}/${repository}`])).stdout).toBe('v1\n');
      expect((await cli(['tags', repository, '--registry', host, '--json'])).stdout).toBe('["v1"]\n');
      expect(lines((await cli(['repos', host])).stdout)).toContain(repository);
      expect(JSON.parse((await cli(['repos', host, '--json'])).stdout)).toContain(repository);
    });

    it('say so when there is no such repository', async () => {
      const { code, stderr } = await cli(['tags', `${host}/${uniqueRepository('none')}`]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/404 Not Found \(NAME_UNKNOWN/);
    });

    it('ping prints the host', async () => {
      expect(await cli(['ping', host])).toMatchObject({ code: 0, stdout: `${host}\n`, stderr: '' });
    });

    it('take --json and --quiet', async () => {
      const pinged = await cli(['ping', host, '--json', '--quiet']);
      expect([pinged.code, JSON.parse(pinged.stdout), pinged.stderr]).toEqual([0, { registry: host }, '']);
      const repository = uniqueRepository('cli');
      await cli(['push', APP, `${host}/${repository}:v1`, '-q']);
      expect(await cli(['tags', `${host}/${repository}`, '-q'])).toMatchObject({ stdout: 'v1\n', stderr: '' });
      expect(lines((await cli(['repos', host, '-q'])).stdout)).toContain(repository);
    });

    it('ping notices a port that is no registry', async () => {
      const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>'));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { code, stderr } = await cli(['ping', `127.0.0.1:${(server.address() as AddressInfo).port}`]);
      server.close();
      expect(code).toBe(1);
      expect(stderr).toMatch(/no answer of a registry/);
    });
  });

  describe('inspect', () => {
    it('shows every image of an archive', async () => {
      const { code, stdout } = await cli(['inspect', join(FIXTURES, 'docker-20.10-multi-image.tar')]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Tags +fixture\/app:1\.2\.3\nPlatform +linux\/amd64\n/);
      expect(stdout).toMatch(/Tags +hello:v1\n/);
    });

    it('prints JSON', async () => {
      const { stdout } = await cli(['inspect', APP, '--json']);
      expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ architecture: 'amd64', os: 'linux' })]);
    });
  });

  describe('validate', () => {
    it('says that an archive is valid', async () => {
      expect(await cli(['validate', APP])).toMatchObject({
        code: 0,
        stdout: `${APP} is a valid image archive\n`,
        stderr: '',
      });
    });

    it('prints every problem on a line of its own, and exits with 3', async () => {
      const { code, stdout } = await cli(['validate', join(FIXTURES, 'docker-26-containerd-missing-blobs.tar')]);
      expect(code).toBe(3);
      expect(lines(stdout)).toHaveLength(6);
    });

    it('prints the report as JSON', async () => {
      const file = join(folder, 'wrong.tar');
      await writeFile(file, imageTar({ format: 'docker-25', wrongDiffId: 0 }).tar);
      const { code, stdout } = await cli(['validate', file, '--json']);
      expect(code).toBe(3);
      expect(JSON.parse(stdout)).toMatchObject({
        valid: false,
        problems: [{ message: expect.stringContaining('diff_id') }],
      });
    });
  });

  describe('serve', () => {
    it('is a registry until it is interrupted', async () => {
      const { child, result } = startNode(MAIN, ['serve', '--port', '0']);
      const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
      const url = chunk.toString().trim();
      const pushed = await cli(['push', APP, 'team/app:1', '--registry', url]);
      expect(pushed.code).toBe(0);
      expect((await cli(['repos', url])).stdout).toBe('team/app\n');
      child.kill('SIGINT');
      expect((await result).code).toBe(0);
    });

    it('says when its port is taken', async () => {
      const { code, stderr } = await cli(['serve', '--port', new URL(`http://${host}`).port]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/is in use/);
    });
  });
});
