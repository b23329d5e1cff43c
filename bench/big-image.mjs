// Writes a docker-save tar (the layout of docker ≥ 25) of real bytes: files under /usr, so that gzip meets what it meets in images.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { Header } from 'tar';

const BLOCK = 512;

/**
 * @param path where the tar goes
 * @param bytes size of all layers together, about
 * @param layers how many
 */
export async function writeBigImage(path, bytes, layers = 7, tag = 'bench/app:1') {
  const files = await listFiles('/usr');
  const out = createWriteStream(path, { highWaterMark: 1024 * 1024 });
  const write = async (chunk) => {
    if (!out.write(chunk)) await once(out, 'drain');
  };
  const diffIds = [];
  for (let i = 0; i < layers; i++) {
    const size = await layerSize(files, i, bytes / layers);
    const hash = createHash('sha256');
    for await (const chunk of layer(files, i, bytes / layers)) hash.update(chunk);
    const hex = hash.digest('hex');
    diffIds.push(`sha256:${hex}`);
    await write(header(`blobs/sha256/${hex}`, size));
    for await (const chunk of layer(files, i, bytes / layers)) await write(chunk);
  }
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: {},
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
  const configHex = createHash('sha256').update(config).digest('hex');
  const manifest = [
    {
      Config: `blobs/sha256/${configHex}`,
      RepoTags: [tag],
      Layers: diffIds.map((id) => `blobs/sha256/${id.slice(7)}`),
    },
  ];
  await write(entry(`blobs/sha256/${configHex}`, config));
  await write(entry('manifest.json', Buffer.from(JSON.stringify(manifest))));
  await write(Buffer.alloc(2 * BLOCK));
  out.end();
  await once(out, 'close');
  return { config: `sha256:${configHex}`, diffIds };
}

/** Regular files, sorted, so that every run on one machine gives the same image. */
async function listFiles(root) {
  const found = [];
  for (const item of (await readdir(root, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(root, item.name);
    if (item.isDirectory()) found.push(...(await listFiles(path).catch(() => [])));
    else if (item.isFile()) {
      const info = await stat(path).catch(() => undefined);
      if (info && info.size > 0 && info.size < 64 * 1024 * 1024) found.push({ path, size: info.size });
    }
  }
  return found;
}

/** The files of one layer: its own stretch of the list, going round as often as the size needs. */
function* pick(files, index, bytes) {
  let left = bytes;
  for (let i = Math.floor((index * files.length) / 7), round = 0; left > 0; i++) {
    const file = files[i % files.length];
    if (i > 0 && i % files.length === 0) round++;
    yield { ...file, name: `layer${index}/${round}${file.path}` };
    left -= file.size + BLOCK;
  }
}

async function layerSize(files, index, bytes) {
  let size = 2 * BLOCK;
  for (const file of pick(files, index, bytes)) size += header(file.name, file.size).length + padded(file.size);
  return size;
}

async function* layer(files, index, bytes) {
  for (const { path, name, size } of pick(files, index, bytes)) {
    yield header(name, size);
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
    yield Buffer.alloc(padded(size) - size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header(name, size) {
  const block = Buffer.alloc(BLOCK);
  const path = Buffer.byteLength(name) < 100 ? name : createHash('sha256').update(name).digest('hex');
  new Header({ path, size, mode: 0o644, type: 'File', mtime: new Date(0), uid: 0, gid: 0 }).encode(block, 0);
  return block;
}

function entry(name, content) {
  return Buffer.concat([header(name, content.length), content, Buffer.alloc(padded(content.length) - content.length)]);
}

function padded(size) {
  return Math.ceil(size / BLOCK) * BLOCK;
}
