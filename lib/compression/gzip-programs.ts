import { accessSync, constants, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

/** A program that makes gzip of its standard input, and what it is called with. */
export interface GzipProgram {
  path: string;
  args: readonly string[];
}

export type GzipProgramName = 'igzip' | 'pigz';

/**
 * No name and no time, so that the bytes depend on the content only. Level 1 of both is their fastest that is not larger
 * than what docker push writes. pigz writes other bytes with one thread than with several, so it always gets several.
 */
const ARGS: Readonly<Record<GzipProgramName, readonly string[]>> = {
  igzip: ['-1', '-n', '-c'],
  pigz: ['-1', '-n', '-c', '-p', String(Math.max(2, availableParallelism()))],
};

/** The first one of that name on the PATH; folders that depend on where we are do not count. */
export function findGzipProgram(
  name: GzipProgramName,
  env: Readonly<Record<string, string | undefined>> = process.env,
): GzipProgram | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  const path = folders.map((folder) => join(folder, fileName(name))).find(isProgram);
  return path === undefined ? undefined : { path, args: ARGS[name] };
}

function fileName(name: GzipProgramName): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
