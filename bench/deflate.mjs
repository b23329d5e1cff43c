// node bench/deflate.mjs <file>: blocks of 1 MiB through the built-in gzip's deflate and through zlib at levels 1 and 6, on one thread;
// prints bytes per second of processor time and what is left of them.
import { open } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import { DeflateEngine } from '../dist/compression/deflate-engine.js';
import { buffers } from '../dist/oci/buffer-pool.js';

const BLOCK = 1024 * 1024;

const engine = new DeflateEngine();
const contenders = {
  'ours, built in': (block) => {
    const packed = engine.deflate(block);
    buffers.giveBack(Buffer.from(packed.buffer));
    return packed.length;
  },
  'zlib, level 1': (block) => deflateRawSync(block, { level: 1, memLevel: 9 }).length,
  'zlib, level 6': (block) => deflateRawSync(block, { level: 6, memLevel: 9 }).length,
};
const results = Object.entries(contenders).map(([name, pack]) => ({ name, pack, plain: 0, packed: 0, seconds: 0 }));

const file = await open(process.argv[2]);
const block = Buffer.alloc(BLOCK);
for (let read = await file.read(block); read.bytesRead > 0; read = await file.read(block)) {
  for (const result of results) measure(result, block.subarray(0, read.bytesRead));
}
await file.close();
for (const { name, plain, packed, seconds } of results) {
  console.log(`${name}: ${(plain / 1e6 / seconds).toFixed(0)} MB/s, ${((100 * packed) / plain).toFixed(1)} %`);
}

function measure(result, bytes) {
  const before = process.cpuUsage();
  result.packed += result.pack(bytes);
  const { user, system } = process.cpuUsage(before);
  result.seconds += (user + system) / 1e6;
  result.plain += bytes.length;
}
