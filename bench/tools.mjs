// Who pushes and pulls here, and with which command.
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Where a program is on the PATH; undefined where it is not. */
export async function find(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    if ((await stat(path).catch(() => undefined))?.isFile() && (await runs(path))) return path;
  }
  return undefined;
}

async function runs(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Ours with these options of push, and with a folder of its own for what it remembers between runs.
 *
 * @param name what it is called in tables, after "ours"
 */
export function ours(name, flags = [], node = process.execPath) {
  const run = (...args) => [node, CLI, ...args, '--quiet', '--json'];
  return {
    who: name ? `ours, ${name}` : 'ours',
    push: (tar, reference) => run('push', tar, reference, ...flags),
    pull: (reference, file) => run('pull', reference, file),
    copy: (from, to) => run('copy', from, to),
  };
}

const crane = (path) => ({
  who: 'crane',
  push: (tar, reference) => [path, 'push', '--insecure', tar, reference],
  pull: (reference, file) => [path, 'pull', '--insecure', reference, file],
});

const skopeo = (path) => {
  const copy = (...args) => [path, '--insecure-policy', 'copy', '--quiet', ...args];
  return {
    who: 'skopeo',
    push: (tar, reference) => copy('--dest-tls-verify=false', `docker-archive:${tar}`, `docker://${reference}`),
    pull: (reference, file) =>
      copy('--src-tls-verify=false', `docker://${reference}`, `docker-archive:${file}:bench/app:1`),
  };
};

/** The peers that this machine has, by name. */
export async function findPeers() {
  const found = {};
  for (const [name, make] of Object.entries({ crane, skopeo })) {
    const path = await find(name);
    if (path) found[name] = make(path);
  }
  return found;
}

/** Ours with the faster of the programs that compress, where there is one, and with nothing installed. */
export async function gzipContenders(node) {
  const program = (await find('igzip')) ? 'igzip' : (await find('pigz')) && 'pigz';
  const names = program ? [program, 'builtin'] : ['builtin'];
  return names.map((name) => ours(name, ['--compressor', name], node));
}

/**
 * What the tools remember, they remember under this folder. containers/image, when it runs as root, remembers under /var/lib
 * unless it is told that it does not (pkg/blobinfocache/default.go).
 */
export function memory(folder) {
  return { XDG_CACHE_HOME: folder, XDG_DATA_HOME: folder, _CONTAINERS_ROOTLESS_UID: '1000' };
}
