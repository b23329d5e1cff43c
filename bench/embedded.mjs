// node bench/embedded.mjs [GiB]: the embedded registry alone, from dist/. A large blob in and out of `serve --dir`, with the
// most memory the server ever held (Linux: VmHWM), and a push of an image of 1,000 layers without sockets.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Header } from 'tar';
import { RegistryClient } from '../dist/index.js';
import { EmbeddedTransport } from '../dist/testing/index.js';

const MIB = 1024 * 1024;
const LAYERS = 1000;

const folder = await mkdtemp(join(tmpdir(), 'bench-embedded-'));
try {
  console.table([...(await blobRows(Number(process.argv[2] ?? 2))), await pushRow()]);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function blobRows(gib) {
  const server = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--port', '0', '--dir', join(folder, 'images')]);
  try {
    const url = String((await once(server.stdout, 'data'))[0]).trim();
    const blocks = gib * 1024;
    const digest = await hashOf(content(blocks));
    const sent = await timed(() => put(url, digest, blocks));
    const afterPut = await peakOf(server.pid);
    const got = await timed(() => get(url, digest));
    return [
      { what: `${gib} GiB into serve --dir`, seconds: sent, 'server peak MB': afterPut },
      { what: `${gib} GiB out of serve --dir`, seconds: got, 'server peak MB': await peakOf(server.pid) },
    ];
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

async function pushRow() {
  const tar = join(folder, 'layers.tar');
  await writeFile(tar, imageTar());
  const client = new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });
  const seconds = await timed(() => client.push(tar, 'bench/app:1'));
  await client.close();
  return { what: `${LAYERS} layers in this process`, seconds };
}

/** Blocks that differ, so that no two are stored or compressed as one. */
function* content(blocks) {
  for (let i = 0; i < blocks; i++) {
    const block = Buffer.alloc(MIB, i % 251);
    block.writeUInt32BE(i);
    yield block;
  }
}

async function hashOf(chunks) {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

async function put(url, digest, blocks) {
  const { headers } = await fetch(`${url}/v2/bench/blobs/uploads/`, { method: 'POST' });
  const length = { 'content-length': blocks * MIB };
  const outgoing = request(`${url}${headers.get('location')}?digest=${digest}`, { method: 'PUT', headers: length });
  const answered = once(outgoing, 'response');
  await pipeline(Readable.from(content(blocks)), outgoing);
  const [answer] = await answered;
  if (answer.resume().statusCode !== 201) throw new Error(`the blob was refused: ${answer.statusCode}`);
}

async function get(url, digest) {
  const { body } = await fetch(`${url}/v2/bench/blobs/${digest}`);
  const actual = await hashOf(body);
  if (actual !== digest) throw new Error(`${digest} came back as ${actual}`);
}

/** What docker save writes, with small layers. */
function imageTar() {
  const layers = Array.from({ length: LAYERS }, (_, i) =>
    tarOf([[`etc/${i}`, Buffer.from(`file ${i}\n`.repeat(400))]]),
  );
  const names = layers.map((layer) => createHash('sha256').update(layer).digest('hex'));
  const rootfs = { type: 'layers', diff_ids: names.map((name) => `sha256:${name}`) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }));
  const manifest = [
    { Config: 'config.json', RepoTags: ['bench/app:1'], Layers: names.map((name) => `${name}/layer.tar`) },
  ];
  return tarOf([
    ...layers.map((layer, i) => [`${names[i]}/layer.tar`, layer]),
    ['config.json', config],
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
  ]);
}

function tarOf(entries) {
  const blocks = entries.flatMap(([path, content]) => {
    const header = Buffer.alloc(512);
    new Header({ path, size: content.length, mode: 0o644, type: 'File', mtime: new Date(0) }).encode(header, 0);
    return [header, content, Buffer.alloc(-content.length & 511)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

async function peakOf(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function timed(work) {
  const start = performance.now();
  await work();
  return Number(((performance.now() - start) / 1000).toFixed(2));
}
