import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { InvalidArgumentError } from '../errors.js';
import { isMissing } from './durable-files.js';
import { Turns } from './turns.js';

/** The locks this process holds: after a crash, a new process in a container may have the same id as the one before. */
const held = new Set<string>();

/** Taking a lock away leaves a moment without one, so only one at a time tries. */
const turns = new Turns();

interface Owner {
  pid: number;
  /** What tells this lock from the others of the process. */
  id: string;
}

/** A file with the id of the process that has a folder for itself. Taken over when that process is gone. */
export class FolderLock {
  private isReleased = false;

  private constructor(
    private readonly path: string,
    private readonly id: string,
  ) {}

  /**
   * @param path - absolute, without symbolic links, in a folder that exists
   * @throws InvalidArgumentError FOLDER_IN_USE when a running process holds it, this one included.
   */
  static acquire(path: string): Promise<FolderLock> {
    return turns.take(path, () => FolderLock.acquireInTurn(path));
  }

  /** A second time does nothing: the file may be somebody else's by then. */
  async release(): Promise<void> {
    if (this.isReleased) return;
    this.isReleased = true;
    await rm(this.path, { force: true });
    held.delete(this.id);
  }

  private static async acquireInTurn(path: string): Promise<FolderLock> {
    const id = randomUUID();
    const own = `${path}.${id}`;
    // From before others can see it, or they would take it for one that was left behind.
    held.add(id);
    try {
      await writeFile(own, `${process.pid}\n${id}\n`);
      // A link, because that fails when the name is taken and has its content from the first moment.
      while (!(await linked(own, path))) await takeAway(path);
      return new FolderLock(path, id);
    } catch (error) {
      held.delete(id);
      throw error;
    } finally {
      await rm(own, { force: true });
    }
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
  if (owner === undefined || !isRunning(owner)) return;
  throw new InvalidArgumentError(`process ${owner.pid} is using the folder of ${path}`, {
    code: 'FOLDER_IN_USE',
    hint: `Stop it, or choose another folder. If no such process serves this folder, remove ${path}.`,
  });
}

async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    const [first, id = ''] = (await readFile(file, 'utf8')).split('\n');
    const pid = Number(first);
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, id } : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isRunning({ pid, id }: Owner): boolean {
  if (pid === process.pid) return held.has(id);
  try {
    // Signal 0 is not sent, only checked (kill(2)).
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
