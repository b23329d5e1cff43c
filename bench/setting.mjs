// What all rows share: the options, a registry, a folder that goes away, the tools, and the ways to run and compare them.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageOf } from './big-image.mjs';
import { startCountingProxy } from './counting-proxy.mjs';
import { summarize } from './figures.mjs';
import { measure } from './measure.mjs';
import { startRegistry } from './registry.mjs';
import { findPeers, gzipContenders, memory, ours } from './tools.mjs';

const MANIFESTS = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
].join(', ');

export async function openSetting(options) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const registry = await startRegistry();
  const counter = await startCountingProxy(registry.host);
  return new Setting(options, folder, registry, counter, await findPeers(), await gzipContenders(options.node));
}

class Setting {
  #count = 0;

  constructor(options, folder, registry, counter, peers, gzips) {
    Object.assign(this, { options, folder, registry, counter, peers, gzips });
  }

  get host() {
    return this.registry.host;
  }

  /** Peers, those that are there, and ours with each compressor. */
  get pushers() {
    return [...Object.values(this.peers), ...this.gzips];
  }

  ours(name, flags) {
    return ours(name, flags, this.options.node);
  }

  image(changed) {
    return imageOf(this.options.bytes, changed);
  }

  /** A name that nothing was pushed to, or kept under, before. */
  fresh(kind) {
    return `${kind}${++this.#count}`;
  }

  repository() {
    return this.fresh('bench/app');
  }

  /** A folder for what a tool remembers: empty, or a copy of another one. */
  async home(from) {
    const folder = join(this.folder, this.fresh('home'));
    if (from) await cp(from, folder, { recursive: true }).catch(() => undefined);
    return folder;
  }

  /** Runs `contenders` `{ who, run }` in turns, each round starting with another one, and gives a line for each. */
  async compare(contenders, runs = this.options.runs) {
    const samples = contenders.map(() => []);
    for (let round = 0; round < runs; round++) {
      for (let i = 0; i < contenders.length; i++) {
        const index = (round + i) % contenders.length;
        const sample = await contenders[index].run();
        console.error(`  ${contenders[index].who}: ${sample.seconds.toFixed(2)} s`);
        samples[index].push(sample);
      }
    }
    return contenders.map(({ who }, index) => ({ who, ...summarize(samples[index]) }));
  }

  /** Pushes to where nothing is, by a tool that remembers nothing; `sent` is what the registry holds of it afterwards. */
  async coldPush(tool, tar, { stdin } = {}) {
    const reference = `${this.host}/${this.repository()}:1`;
    const { stdout: _, ...figures } = await this.push(tool, tar, reference, await this.home(), { stdin });
    return { ...figures, sent: await this.stored(reference) };
  }

  push(tool, tar, reference, home, { stdin } = {}) {
    return measure(tool.push(tar, reference), { env: memory(home), stdin });
  }

  /** Bytes of the blobs that the manifest names. */
  async stored(reference) {
    const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference);
    const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept: MANIFESTS } });
    if (!answer.ok) throw new Error(`${reference} is not there after its push: ${answer.status}`);
    const { config, layers } = await answer.json();
    const sizes = new Map([config, ...layers].map(({ digest, size }) => [digest, size]));
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  async close() {
    this.counter.stop();
    await this.registry.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
