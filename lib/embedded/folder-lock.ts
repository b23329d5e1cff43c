import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { InvalidArgumentError } from '../errors.js';
import { isMissing } from './durable-files.js';

/** What this process holds: after a crash, a new process in a container may have the same id as the one before. */
const held = new Set<string>();

/** A file with the id of the process that has a folder for itself. Taken over when that process is gone. */
export class FolderLock {
  private constructor(private readonly path: string) {}

  /**
   * @param path - absolute, without symbolic links, in a folder that exists
   * @throws InvalidArgumentError FOLDER_IN_USE when a running process holds it, this one included.
   */
  static async acquire(path: string): Promise<FolderLock> {
    const own = `${path}.${randomUUID()}`;
    await writeFile(own, `${process.pid}\n`);
    try {
      // A link, because that fails when the name is taken and has its content from the first moment.
      while (!(await linked(own, path))) await takeAway(path);
      held.add(path);
      return new FolderLock(path);
    } finally {
      await rm(own, { force: true });
    }
  }

  async release(): Promise<void> {
    if (held.delete(this.path)) await rm(this.path, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone. Another process may do the same at this moment, and lock anew. */
async function takeAway(path: string): Promise<void> {
  await assertAbandoned(path, path);
  const stale = `${path}.${randomUUID()}`;
  try {
    await rename(path, stale);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  try {
    await assertAbandoned(stale, path);
  } catch (error) {
    await linked(stale, path);
    throw error;
  } finally {
    await rm(stale, { force: true });
  }
}

async function assertAbandoned(file: string, path: string): Promise<void> {
  const owner = await ownerOf(file);
  if (owner === undefined || !isRunning(owner, path)) return;
  throw new InvalidArgumentError(`process ${owner} is using the folder of ${path}`, {
    code: 'FOLDER_IN_USE',
    hint: `Stop it, or choose another folder. If no such process serves this folder, remove ${path}.`,
  });
}

async function ownerOf(file: string): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isRunning(pid: number, path: string): boolean {
  if (pid === process.pid) return held.has(path);
  try {
    // Signal 0 is not sent, only checked (kill(2)).
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
