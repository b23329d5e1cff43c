import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type Running, type RunOptions, type RunResult, start } from './proc.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm pack --json` says. */
export interface Packed {
  filename: string;
  files: readonly { path: string; size: number }[];
}

/**
 * A project that has this package installed from its tarball, by npm, without a network: what the lock file says is needed at run time
 * lies in `node_modules` before. npm takes away again what no `dependencies` asks for.
 */
export class Consumer {
  private constructor(
    readonly folder: string,
    readonly packed: Packed,
  ) {}

  static async install(): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), 'consumer-'));
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const answer = await succeed('npm', pack, { cwd: ROOT });
    // npm 12 gives an object by name instead of a list.
    const [packed] = Object.values(JSON.parse(answer.stdout) as Record<string, Packed>);
    if (packed === undefined) throw new Error(`npm pack printed ${answer.stdout}`);
    const consumer = new Consumer(folder, packed);
    await consumer.write('package.json', '{ "name": "consumer", "private": true }');
    await layOut(folder);
    const quiet = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await succeed('npm', ['install', ...quiet, `./${packed.filename}`], { cwd: folder });
    return consumer;
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text);
  }

  /** Runs a script of the consumer's own. */
  async node(name: string, text: string, flags: readonly string[] = []): Promise<RunResult> {
    await this.write(name, text);
    return this.run(process.execPath, [...flags, name]);
  }

  run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.start(command, args, options).result;
  }

  start(command: string, args: readonly string[], options: RunOptions = {}): Running {
    return start(command, args, { ...options, cwd: this.folder, env: { ...consumerEnv(), ...options.env } });
  }

  /** Of what is installed. */
  read(path: string): Promise<string> {
    return readFile(join(this.folder, 'node_modules/registry-api-v2-client', path), 'utf8');
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Without what `npm test` sets for its own project; with programs that run on the Node that runs the specs. */
export function consumerEnv(): Record<string, string | undefined> {
  const ofNpm = Object.keys(process.env).filter((name) => /^(npm_|INIT_CWD$|NODE_OPTIONS$|REGISTRY_)/i.test(name));
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  return { ...Object.fromEntries(ofNpm.map((name) => [name, undefined])), PATH: path };
}

async function layOut(folder: string): Promise<void> {
  const lock = await readFile(join(ROOT, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { dev?: boolean }> };
  // What is nested comes with what it is nested in.
  const topmost = Object.keys(packages).filter((path) => path.split('node_modules/').length === 2);
  const needed = topmost.filter((path) => packages[path]?.dev !== true);
  await mkdir(join(folder, 'node_modules'));
  for (const path of needed) await cp(join(ROOT, path), join(folder, path), { recursive: true });
}

async function succeed(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await run(command, args, { ...options, env: consumerEnv() });
  if (result.code === 0) return result;
  throw new Error(`${command} ${args.join(' ')} ended with ${result.code}:\n${result.stderr}${result.stdout}`);
}
