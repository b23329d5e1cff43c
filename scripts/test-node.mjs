// Runs the specs with another line of Node: `npm run test:node -- 22 [arguments of jest]`; `newer` is the newest one that is not
// this machine's own.
import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { nodeOfLine } from './node-line.mjs';

const NEWEST = ['26', '24'];

const [named, ...args] = process.argv.slice(2);
const line = named === 'newer' ? NEWEST.find((one) => !process.version.startsWith(`v${one}.`)) : named;
try {
  const node = await nodeOfLine(line);
  // What specs start by its name is of that line, too.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const { status, signal } = spawnSync(node, [...jest, ...args], { stdio: 'inherit', env });
  process.exitCode = signal === null ? (status ?? 1) : 1;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
