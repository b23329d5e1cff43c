import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, run, start } from './proc.js';

/** A program that takes image archives, with a storage of its own. */
export interface ImageLoader {
  /** Loads an archive and gives the ID, which is the digest of the config, of what is then called `name`. */
  load(file: string, name: string): Promise<string>;
  stop(): Promise<void>;
}

/** A way to get a loader on this machine. */
export interface LoaderProgram {
  /** Why it cannot be had here; undefined when it can. */
  missing: string | undefined;
  start: () => Promise<ImageLoader>;
}

export const podman: LoaderProgram = { missing: notOnPath('podman'), start: startPodman };

/** A daemon of our own, because somebody else's may not know our registries. */
export const docker: LoaderProgram = {
  missing: notOnPath('dockerd') ?? notOnPath('docker') ?? (process.getuid?.() === 0 ? undefined : 'dockerd needs root'),
  start: startDocker,
};

function notOnPath(name: string): string | undefined {
  return onPath(name) === undefined ? `${name} is not on the PATH` : undefined;
}

async function startPodman(): Promise<ImageLoader> {
  const folder = await mkdtemp(join(tmpdir(), 'podman-'));
  const own = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  return {
    load: (file, name) => loadWith('podman', own, file, name),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function startDocker(): Promise<ImageLoader> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-'));
  const host = `unix://${join(folder, 'docker.sock')}`;
  const path = (name: string) => join(folder, name);
  await mkdir(path('data'));
  const daemon = start('dockerd', [
    ...['--host', host, '--data-root', path('data'), '--exec-root', path('exec'), '--pidfile', path('pid')],
    ...['--storage-driver', 'vfs', '--bridge', 'none', '--iptables=false', '--ip6tables=false'],
  ]);
  const stop = async (): Promise<string> => {
    daemon.child.kill();
    const { stderr } = await daemon.result;
    await rm(folder, { recursive: true, force: true });
    return stderr;
  };
  if (await answers(host)) {
    return {
      load: (file, name) => loadWith('docker', ['--host', host], file, name),
      stop: () => stop().then(() => {}),
    };
  }
  throw new Error(`dockerd does not run here:\n${(await stop()).slice(-1000)}`);
}

async function answers(host: string): Promise<boolean> {
  for (let tries = 0; tries < 60; tries++) {
    const { code } = await run('docker', ['--host', host, 'version']);
    if (code === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return false;
}

async function loadWith(program: string, own: readonly string[], file: string, name: string): Promise<string> {
  const loaded = await run(program, [...own, 'load', '--input', file]);
  if (loaded.code !== 0) throw new Error(`${program} load: ${loaded.stderr}`);
  const found = await run(program, [...own, 'image', 'inspect', '--format', '{{.Id}}', name]);
  if (found.code !== 0) throw new Error(`${program} image inspect: ${found.stderr}`);
  return `sha256:${found.stdout.trim().replace(/^sha256:/, '')}`;
}
