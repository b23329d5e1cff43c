import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { imageTar } from '../../lib/testing/index.js';
import { consumerEnv } from '../support/consumer.js';
import { run, type RunResult } from '../support/proc.js';
import { asScript, linesToType } from '../support/shell-walk.js';
import { freePort } from '../support/registry-process.js';

/** What a fresh clone does not have, and what is put there in a cheaper way. */
const NOT_CLONED = new Set(['.git', 'node_modules', 'dist', 'build', 'coverage']);

/** Docker as far as the README needs it: it saves one image, and loads what looks like a tar. */
const DOCKER = `#!/usr/bin/env bash
set -euo pipefail
case "$1" in
  save) if [ "$2" = -o ]; then cp "$SAVED_IMAGE" "$3"; else cat "$SAVED_IMAGE"; fi ;;
  load) tar -t >/dev/null && echo 'Loaded image: team/app:1.0' ;;
  *) exit 64 ;;
esac
`;

describe.each(['README.md', 'README.ko.md'])('%s', (name) => {
  it('types the same as the README', async () => {
    const [page, readme] = await Promise.all([readFile(name, 'utf8'), readFile('README.md', 'utf8')]);
    const commands = (text: string): string[] =>
      linesToType(text, '\nnpm run check').map((line) => line.replace(/\s*#.*/, ''));
    expect(commands(page)).toEqual(commands(readme));
  });
});

describe('a walk through the README from a fresh clone', () => {
  let folder: string;
  let result: RunResult;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'readme-'));
    const clone = join(folder, 'clone');
    await cp('.', clone, { recursive: true, filter: (path) => !NOT_CLONED.has(path) });
    // As npm install would lay it out, without asking a package registry; it looks at what is there then.
    await run('cp', ['-a', 'node_modules', clone]);
    result = await walk(folder, clone);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gets to the end, line by line', () => {
    const { code, stdout, stderr } = result;
    expect({ code, last: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, last: '' });
  });

  it('pushes, and finds what it pushed', () => {
    expect(result.stdout).toMatch(/^\$ registry-client tags team\/app\n1\.0\nlatest$/m);
    expect(result.stdout).toMatch(/\/mirror\/app:1\.0@sha256:[0-9a-f]{64}$/m);
    expect(result.stdout).toMatch(/\/piped\/app:1\.0@sha256:[0-9a-f]{64}$/m);
    expect(result.stdout).toContain('Loaded image');
  });
});

async function walk(folder: string, clone: string): Promise<RunResult> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'docker'), DOCKER);
  await chmod(join(bin, 'docker'), 0o755);
  const image = join(folder, 'saved.tar');
  await writeFile(image, imageTar({ tags: ['team/app:1.0', 'team/app:latest'], layers: [{ 'etc/motd': 'hello' }] }));
  const port = await freePort();
  const page = (await readFile('README.md', 'utf8')).replaceAll('15000', String(port));
  const env = {
    ...consumerEnv(),
    HOME: folder,
    PATH: [bin, join(folder, 'npm/bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
    REGISTRY_URL: `http://localhost:${port}`,
    SAVED_IMAGE: image,
    TOKEN: 'a token',
    // npm link is to link into no real home.
    npm_config_prefix: join(folder, 'npm'),
    npm_config_offline: 'true',
    npm_config_cache: join(folder, 'cache'),
    npm_config_audit: 'false',
  };
  const input = asScript(linesToType(page, '\n## Develop'));
  return run('bash', ['-s'], { cwd: clone, env, input, timeoutMs: 280_000 });
}
