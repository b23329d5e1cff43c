import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from '../errors.js';
import type { JsonObject } from '../oci/descriptor.js';
import { type DockerConfig, parseDockerConfig, readDockerConfig } from './docker-config-file.js';

/** Milliseconds. Nobody holds the lock longer than it takes to read and write one small file: who did is gone. */
const STALE = 5000;
const PAUSE = 20;

/** Docker writes tabs. */
const INDENT = '\t';

/**
 * Changes Docker's `config.json` in one step: readers see the old file or the new one, whole. Everything the change leaves
 * alone stays, in its order; the file can be read by its owner only, as it may hold passwords. A link is followed.
 *
 * Changes of this package wait for each other. Docker takes no lock, so the file is looked at once more just before it is
 * replaced, and the change made again on what is there then.
 * @param change - gives the new content, or undefined when there is nothing to change; may be called several times
 * @returns the path that was given
 * @throws InvalidArgumentError for a file that cannot be read, understood or written; it is left as it was
 */
export async function changeDockerConfig(
  path: string,
  change: (config: DockerConfig) => JsonObject | undefined,
): Promise<string> {
  const target = await followed(path);
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const unlock = await lock(`${target}.lock`);
    try {
      while (!(await changeOnce(target, path, change)));
    } finally {
      await unlock();
    }
  } catch (error) {
    throw isSystemError(error) ? unwritable(path, error) : error;
  }
  return path;
}

/** False when somebody else has written the file meanwhile. */
async function changeOnce(
  target: string,
  name: string,
  change: (config: DockerConfig) => JsonObject | undefined,
): Promise<boolean> {
  const before = await readDockerConfig(target);
  // Docker takes an empty file for one that is not there.
  const isEmpty = before === undefined || before.trim() === '';
  const json = change(isEmpty ? { name, json: {} } : parseDockerConfig(name, before));
  if (json === undefined) return true;
  return replace(target, before, `${JSON.stringify(json, undefined, indentOf(before))}${endOf(before)}`);
}

async function replace(target: string, before: string | undefined, text: string): Promise<boolean> {
  // In the same folder, because a rename does not leave its file system.
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await keepOwner(target, temporary);
    if ((await readDockerConfig(target)) !== before) return false;
    await rename(temporary, target);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Under sudo the file of a user is to stay that user's. */
async function keepOwner(target: string, temporary: string): Promise<void> {
  const owner = await stat(target).catch(() => undefined);
  if (owner && owner.uid !== process.getuid?.()) await chown(temporary, owner.uid, owner.gid).catch(() => undefined);
}

/** Where the file is, or would be: a link may point to nothing yet. */
async function followed(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const link = await readlink(path).catch(() => undefined);
    return link === undefined ? path : resolve(dirname(path), link);
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const held = await stat(path).catch(() => undefined);
    // A file system of another machine has a clock of its own, which may be ahead.
    if (held && Math.abs(Date.now() - held.mtimeMs) > STALE) await rm(path, { force: true });
    else await sleep(PAUSE);
  }
}

/** As the file has it, so that a change is small in whatever keeps its history. */
function indentOf(text = ''): string {
  return /^\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? INDENT;
}

function endOf(text = ''): string {
  return text.endsWith('\n') ? '\n' : '';
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function unwritable(path: string, { code }: NodeJS.ErrnoException): InvalidArgumentError {
  return new InvalidArgumentError(`${path} cannot be written (${code})`, {
    code: 'DOCKER_CONFIG_INVALID',
    hint: 'Check who may write there, or name another folder with DOCKER_CONFIG.',
  });
}
