import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Puts a `docker-credential-NAME` into a folder that writes down what it is asked.
 * @param body - JavaScript; `action` is what it was called with, `input` what came on stdin
 * @returns reads what it was asked so far: `get registry.example`
 */
export async function installCredentialHelper(
  folder: string,
  name: string,
  body = '',
): Promise<() => Promise<string[]>> {
  const path = join(folder, `docker-credential-${name}`);
  const log = `${path}.log`;
  const script = [
    `#!${process.execPath}`,
    `const fs = require('node:fs');`,
    `const input = fs.readFileSync(0, 'utf8'), action = process.argv.slice(2).join(' ');`,
    `fs.appendFileSync(${JSON.stringify(log)}, action + ' ' + input + '\\n');`,
    body,
  ];
  await mkdir(folder, { recursive: true });
  await rm(log, { force: true });
  await writeFile(path, script.join('\n'), { mode: 0o755 });
  return async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean);
}

/** A body that gives this answer. */
export function answering(answer: unknown): string {
  return `console.log(${JSON.stringify(JSON.stringify(answer))});`;
}
