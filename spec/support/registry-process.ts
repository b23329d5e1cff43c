import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/*
 * jest's global set-up loads this file too, outside jest's module system, where nothing finds `x.ts` for `./x.js`: so it
 * imports nothing of the project.
 */

/** What a registry process is made from: a program, or Docker running the image of docker-compose.yml. */
export type Launcher = { kind: 'binary'; path: string } | { kind: 'docker'; image: string };

/** One run of the specs: how it starts registries, and the folder that holds theirs. */
export interface RegistrySession {
  launcher: Launcher;
  folder: string;
}

/** Bearer tokens. Source: distribution 2.8 `docs/configuration.md`, "token". */
export interface TokenAuth {
  /** URL of the token server. */
  realm: string;
  service: string;
  issuer: string;
}

export interface RegistryOptions {
  /** `basic` accepts `BASIC_CREDENTIALS` only. Default: anybody may do anything. */
  auth?: 'basic' | TokenAuth;
  /** Default true. */
  deletes?: boolean;
  /** Speaks TLS, with the certificate `server` of `spec/fixtures/tls`, to clients of that authority only. Default false. */
  mutualTls?: boolean;
  /** Default: that of the global set-up. */
  session?: RegistrySession;
}

/** The one user in `spec/fixtures/basic/htpasswd`. */
export const BASIC_CREDENTIALS = { username: 'tester', password: 'spec-password' } as const;

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const TLS_FILES = ['ca.pem', 'server.pem', 'server.key'];
const START_MS = 20_000;
const STOP_MS = 5_000;

/** A distribution registry of its own on a free loopback port, with a temporary folder. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryProcess> {
  const { launcher, folder: parent } = options.session ?? sessionOfSetup();
  const folder = await mkdtemp(join(parent, 'registry-'));
  try {
    return await onFreePort((port) => RegistryProcess.start(launcher, options, folder, port));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Ends what specs started in the session's folder and forgot. Returns how many there were. */
export async function endForgottenRegistries({ launcher, folder }: RegistrySession): Promise<number> {
  const names = await readdir(folder);
  const pids = await Promise.all(names.map((name) => readFile(join(folder, name, 'pid'), 'utf8').catch(() => '')));
  const forgotten = pids.filter((pid) => pid !== '').map((pid) => pid.split(' ').map(Number));
  for (const [pid = 0, port = 0] of forgotten) {
    if (launcher.kind === 'docker') dockerKill(port, 'SIGKILL');
    else process.kill(pid, 'SIGKILL');
  }
  return forgotten.length;
}

export class RegistryProcess {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly launcher: Launcher,
    /** Holds the configuration, the storage and the log. */
    readonly folder: string,
    readonly port: number,
  ) {}

  static async start(
    launcher: Launcher,
    options: RegistryOptions,
    folder: string,
    port: number,
  ): Promise<RegistryProcess> {
    const registry = new RegistryProcess(launcher, folder, port);
    await registry.configure(options);
    await registry.launch();
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** @throws Error when the registry does not run. */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`the registry at ${this.url} does not run`);
    return this.child.pid;
  }

  /** Ends the process and waits until it is gone; what it stored stays. Default `SIGKILL`, as a crash does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    this.child = undefined;
    await rm(join(this.folder, 'pid'), { force: true });
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    if (this.launcher.kind === 'docker') dockerKill(this.port, signal);
    else child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(late);
  }

  /** The same storage, port and configuration again. Upload sessions survive, because the secret is fixed. */
  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  /** Ends the process and removes its folder. */
  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** What the registry has written so far. */
  log(): Promise<string> {
    return readFile(join(this.folder, 'log'), 'utf8');
  }

  private async configure(options: RegistryOptions): Promise<void> {
    await mkdir(join(this.folder, 'storage'));
    await copyFile(join(FIXTURES, 'basic/htpasswd'), join(this.folder, 'htpasswd'));
    await copyFile(join(FIXTURES, 'token/certificate.pem'), join(this.folder, 'certificate.pem'));
    if (options.mutualTls) {
      for (const file of TLS_FILES) await copyFile(join(FIXTURES, 'tls', file), join(this.folder, file));
    }
    const host = this.launcher.kind === 'docker' ? '' : '127.0.0.1';
    const settings = configuration(options, this.folder, `${host}:${this.port}`);
    // Every JSON text is a YAML text. Source: YAML 1.2.2, section 1.2.
    await writeFile(join(this.folder, 'config.yml'), JSON.stringify(settings, null, 2));
  }

  private async launch(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a');
    const [command, ...args] = commandOf(this.launcher, this.folder, this.port);
    const child = spawn(command, args, { stdio: ['ignore', log, log], env: environment() });
    closeSync(log);
    child.unref();
    this.child = child;
    const failure = await this.firstAnswer(child);
    if (failure === undefined) return;
    await this.kill();
    throw new Error(`${command} did not start at ${this.url}: ${failure}\n${await this.log()}`);
  }

  /** Nothing as soon as the registry answers; else why it will not. */
  private async firstAnswer(child: ChildProcess): Promise<string | undefined> {
    const waiting = new AbortController();
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`));
    });
    await writeFile(join(this.folder, 'pid'), `${child.pid ?? ''} ${this.port}`);
    try {
      return await Promise.race([ended, answers(`${this.url}/v2/`, waiting.signal)]);
    } finally {
      waiting.abort();
    }
  }
}

function sessionOfSetup(): RegistrySession {
  const session = process.env.SPEC_REGISTRY_SESSION;
  if (session === undefined) throw new Error('specs that need a registry belong into spec/integration');
  return JSON.parse(session) as RegistrySession;
}

function commandOf(launcher: Launcher, folder: string, port: number): [string, ...string[]] {
  const serve = ['serve', join(folder, 'config.yml')];
  if (launcher.kind === 'binary') return [launcher.path, ...serve];
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const place = ['-p', `127.0.0.1:${port}:${port}`, '-v', `${folder}:${folder}`, '--user', user];
  return ['docker', 'run', '--rm', '--name', containerName(port), ...place, launcher.image, ...serve];
}

function containerName(port: number): string {
  return `registry-spec-${port}`;
}

/** A signal to the docker program would not reach the container in every case. */
function dockerKill(port: number, signal: NodeJS.Signals): void {
  spawnSync('docker', ['kill', '--signal', signal, containerName(port)], { timeout: STOP_MS, env: environment() });
}

/** Without `REGISTRY_…`, which would override the configuration: `REGISTRY_URL` is ours, not the registry's. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REGISTRY_')));
}

/** Source: distribution 2.8 `docs/configuration.md`. */
function configuration({ auth, deletes = true, mutualTls = false }: RegistryOptions, folder: string, addr: string) {
  const [ca, certificate, key] = TLS_FILES.map((file) => join(folder, file));
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'storage') },
      delete: { enabled: deletes },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: {
      addr,
      secret: randomBytes(16).toString('hex'),
      ...(mutualTls ? { tls: { certificate, key, clientcas: [ca] } } : {}),
    },
    ...(auth === undefined ? {} : { auth: authentication(auth, folder) }),
  };
}

function authentication(auth: 'basic' | TokenAuth, folder: string) {
  if (auth === 'basic') return { htpasswd: { realm: 'spec registry', path: join(folder, 'htpasswd') } };
  return { token: { ...auth, rootcertbundle: join(folder, 'certificate.pem') } };
}

/** Another process may take the port between our looking and the registry's listening. */
async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Resolves with nothing as soon as the URL answers, whatever it says, else with the reason it does not. */
async function answers(url: string, signal: AbortSignal): Promise<string | undefined> {
  const end = Date.now() + START_MS;
  let reason = '';
  while (!signal.aborted && Date.now() < end) {
    try {
      await (await fetch(url, { signal: AbortSignal.timeout(1_000) })).arrayBuffer();
      return undefined;
    } catch (error) {
      reason = String((error as Error).cause ?? error);
      await sleep(20);
    }
  }
  return `no answer within ${START_MS} ms (${reason})`;
}
