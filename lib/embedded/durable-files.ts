import { mkdir, open, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Writes a file so that it is whole whenever the process or the machine stops: as it was before, or as it is now.
 * @param temporary - a path nobody else uses, on the same disk
 */
export async function writeDurably(path: string, bytes: Uint8Array | string, temporary: string): Promise<void> {
  try {
    await writeFile(temporary, bytes, { flush: true });
    await moveDurably(temporary, path);
  } catch (error) {
    // On a full disk, what is half written would keep it full.
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes an empty file, whose name is all it has to say. */
export async function createDurably(path: string): Promise<void> {
  await writeFile(path, '');
  await syncFolder(dirname(path));
}

/** Gives a file that is on the disk already its name, in place of whatever has that name. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** @returns false when it was not there */
export async function removeDurably(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  await syncFolder(dirname(path));
  return true;
}

/** Makes a folder and those above it. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(path); made.length >= resolve(first).length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** A name is on the disk only when its folder is, too (fsync(2)). Windows opens no folders and needs no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
