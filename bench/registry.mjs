// A real distribution registry on a free loopback port with a temporary folder; without one on the PATH, the embedded one.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function startRegistry() {
  const folder = await mkdtemp(join(tmpdir(), 'bench-registry-'));
  const port = await freePort();
  const binary = ['docker-registry', 'registry'].find((name) => spawnSync(name, ['--version']).status === 0);
  const [command, args] = binary ? [binary, ['serve', await writeConfig(folder, port)]] : embedded(port);
  const child = spawn(command, args, { stdio: 'ignore' });
  await answers(`http://127.0.0.1:${port}/v2/`, child);
  return {
    name: binary ?? 'the embedded registry (no docker-registry on the PATH)',
    host: `127.0.0.1:${port}`,
    async stop() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function embedded(port) {
  return [process.execPath, ['dist/cli/main.js', 'serve', '--port', String(port)]];
}

/** Every JSON text is a YAML text. */
async function writeConfig(folder, port) {
  const file = join(folder, 'config.yml');
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'bench' },
  };
  await writeFile(file, JSON.stringify(settings));
  return file;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function answers(url, child) {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    const response = await fetch(url).catch(() => undefined);
    if (response) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the registry did not start');
}
