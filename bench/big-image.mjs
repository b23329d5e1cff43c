// docker-save tars (the layout of docker ≥ 25) of real bytes: files under /usr, so that gzip meets what it meets in images.
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Header } from 'tar';

const BLOCK = 512;
const FOLDER = join(tmpdir(), 'registry-api-v2-client-bench');

/** As layers are in images: a base, what was installed on it, and an application. */
const SHARES = [0.3, 0.26, 0.18, 0.12, 0.08, 0.04, 0.02];

let files;
let key;

/** Seven layers of uneven size. @param changed of which layer to give another content, if any */
export function imageOf(bytes, changed) {
  const sizes = SHARES.map((share) => Math.round(share * bytes));
  return cached(`${usrKey()}-image-${bytes}${changed === undefined ? '' : `-changed-${changed}`}.tar`, (out) =>
    writeImage(out, sizes, (index) => (index === changed ? 'changed' : 'layer')),
  );
}

export function imageOfLayers(count, bytes) {
  return cached(`${usrKey()}-layers-${count}-of-${bytes}.tar`, (out) =>
    writeImage(out, Array(count).fill(bytes), () => 'layer'),
  );
}

/** 60 entries whose layers are holes: what opening costs, and 10 GB of disk does not. */
export function sparseImage(bytes, entries) {
  return cached(`sparse-${bytes}-${entries}.tar`, (out) => {
    const layers = entries - 2;
    const size = Math.floor(bytes / layers / BLOCK) * BLOCK;
    const ids = Array.from({ length: layers }, (_, i) => hexOf(`layer ${i}`));
    for (const id of ids) out.hole(blobName(id), size);
    writeNames(out, ids);
  });
}

/** Kept from run to run, since every run on one machine would write the same; renamed into place when whole. */
function cached(name, write) {
  const path = join(FOLDER, name);
  if (statSync(path, { throwIfNoEntry: false })) return path;
  console.error(`writing ${path}`);
  mkdirSync(FOLDER, { recursive: true });
  removeOutdated();
  const out = new TarFile(`${path}.new`);
  write(out);
  out.close();
  renameSync(`${path}.new`, path);
  return path;
}

/** Of another /usr: an image made of this one would share no layer with them. */
function removeOutdated() {
  const outdated = readdirSync(FOLDER).filter((name) => /image|layers/.test(name) && !name.startsWith(usrKey()));
  for (const name of outdated) rmSync(join(FOLDER, name));
}

function writeImage(out, sizes, prefixOf) {
  const ids = sizes.map((size, index) => {
    const content = layer(`${prefixOf(index)}${index}`, Math.floor((index * usrFiles().length) / sizes.length), size);
    return out.named((hash) => blobName(hash), content);
  });
  writeNames(out, ids);
}

function writeNames(out, ids) {
  const rootfs = { type: 'layers', diff_ids: ids.map((id) => `sha256:${id}`) };
  const image = { architecture: 'amd64', os: 'linux', created: '2026-01-01T00:00:00Z', config: {}, rootfs };
  const config = Buffer.from(JSON.stringify(image));
  const Config = blobName(out.named((hash) => blobName(hash), [config]));
  const manifest = [{ Config, RepoTags: ['bench/app:1'], Layers: ids.map((id) => blobName(id)) }];
  out.named(() => 'manifest.json', [Buffer.from(JSON.stringify(manifest))]);
}

/** Files from a place in the list on, going round as often as the size needs. */
function* layer(prefix, start, bytes) {
  const list = usrFiles();
  for (let i = start, left = bytes; left > 0; i++) {
    const content = readFileSync(list[i % list.length]).subarray(0, left);
    yield header(hexOf(`${prefix} ${i}`), content.length);
    yield content;
    yield padding(content.length);
    left -= content.length + BLOCK;
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Tells one state of /usr from another. */
function usrKey() {
  return (key ??= hexOf(
    usrFiles()
      .map((path) => `${path} ${statSync(path).size}\n`)
      .join(''),
  ).slice(0, 8));
}

/** Sorted, so that every run on one machine gives the same image; not so long that one file is a layer. */
function usrFiles() {
  return (files ??= [...listFiles('/usr')]);
}

function* listFiles(folder) {
  const items = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const item of items) {
    const path = join(folder, item.name);
    if (item.isDirectory()) yield* listFiles(path);
    else if (item.isFile() && isFit(statSync(path).size)) yield path;
  }
}

function isFit(size) {
  return size > 0 && size < 64 * 1024 * 1024;
}

/** A tar whose entries may be named after their own content, and may be holes. */
class TarFile {
  #file;
  #end = 0;

  constructor(path) {
    this.#file = openSync(path, 'w');
  }

  /** @returns the SHA-256 of the content */
  named(nameOf, content) {
    const start = this.#end;
    this.#end += BLOCK;
    const hash = createHash('sha256');
    for (const chunk of content) {
      hash.update(chunk);
      writeSync(this.#file, chunk, 0, chunk.length, this.#end);
      this.#end += chunk.length;
    }
    const hex = hash.digest('hex');
    const size = this.#end - start - BLOCK;
    writeSync(this.#file, header(nameOf(hex), size), 0, BLOCK, start);
    this.#end += padding(size).length;
    return hex;
  }

  hole(name, size) {
    writeSync(this.#file, header(name, size), 0, BLOCK, this.#end);
    this.#end += BLOCK + size;
  }

  close() {
    ftruncateSync(this.#file, this.#end + 2 * BLOCK);
    closeSync(this.#file);
  }
}

function header(path, size) {
  const block = Buffer.alloc(BLOCK);
  new Header({ path, size, mode: 0o644, type: 'File', mtime: new Date(0), uid: 0, gid: 0 }).encode(block, 0);
  return block;
}

function padding(size) {
  return Buffer.alloc(-size & (BLOCK - 1));
}

function blobName(hex) {
  return `blobs/sha256/${hex}`;
}

function hexOf(text) {
  return createHash('sha256').update(text).digest('hex');
}
