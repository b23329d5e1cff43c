// How many bytes of a file a program reads, counted by strace(1) in every thread of it; undefined where there is none.
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.mjs';
import { find } from './tools.mjs';

export async function countReads(file, command, env) {
  const strace = await find('strace');
  if (!strace) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'bench-strace-'));
  try {
    const calls = 'trace=read,pread64,readv,preadv,preadv2';
    await measure([strace, '-ff', '-s', '0', '-y', '-e', calls, '-o', join(folder, 'thread'), ...command], { env });
    const traces = (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8'));
    return readsOf(await realpath(file), (await Promise.all(traces)).join('\n'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Lines like `pread64(17</tmp/app.tar>, ""..., 512, 0) = 512`. */
export function readsOf(file, trace) {
  let bytes = 0;
  for (const [, path, count] of trace.matchAll(/^\w+\(\d+<([^>]*)>.* = (\d+)$/gm))
    if (path === file) bytes += Number(count);
  return bytes;
}
