import { Worker } from 'node:worker_threads';
import type { DeflateEngine } from './deflate-engine.js';

/** As text, because a file of its own would have another name in every bundle. */
const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, memory } = workerData;
const { deflate } = new WebAssembly.Instance(module, { env: { memory } }).exports;
parentPort.on('message', ([slot, size]) => parentPort.postMessage([slot, deflate(slot, size)]));
`;

interface Job {
  resolve: (size: number) => void;
  reject: (error: Error) => void;
}

/** Deflates on a thread of its own, which keeps the process alive only while it has something to do. */
export class DeflateThread {
  private readonly memory;
  private readonly worker;
  private readonly jobs = new Map<number, Job>();
  /** It has ended, and takes no more blocks. */
  isLost = false;

  /**
   * @param engine - says where blocks and results are
   * @throws what Node throws where threads are not allowed
   */
  constructor(private readonly engine: DeflateEngine) {
    this.memory = engine.newMemory();
    this.worker = new Worker(CODE, {
      eval: true,
      workerData: { module: engine.module, memory: this.memory },
      // Neither loaders nor limits of this process, from its command line or NODE_OPTIONS, are meant for a few lines without a module.
      execArgv: [],
      env: {},
      stderr: true,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    this.worker.on('message', ([slot, size]: [number, number]) => this.settle(slot)?.resolve(size));
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', () => this.end(new Error('the thread has ended')));
    // Last, because whoever listens for messages refs the thread again.
    this.worker.unref();
  }

  /** Blocks under way. */
  get load(): number {
    return this.jobs.size;
  }

  /** Rejects when the thread ends before it is done; the block stays as it is. */
  async deflate(slot: number, block: Buffer): Promise<Buffer> {
    if (this.isLost) throw new Error('the thread has ended');
    this.engine.fill(this.memory, slot, block);
    if (this.jobs.size === 0) this.worker.ref();
    const size = await new Promise<number>((resolve, reject) => {
      this.jobs.set(slot, { resolve, reject });
      this.worker.postMessage([slot, block.length]);
    });
    return this.engine.result(this.memory, slot, size);
  }

  stop(): void {
    void this.worker.terminate();
  }

  private settle(slot: number): Job | undefined {
    const job = this.jobs.get(slot);
    this.jobs.delete(slot);
    if (this.jobs.size === 0) this.worker.unref();
    return job;
  }

  private end(error: Error): void {
    this.isLost = true;
    for (const slot of [...this.jobs.keys()]) this.settle(slot)?.reject(error);
  }
}
