import { availableParallelism } from 'node:os';
import { DeflateEngine, SLOTS } from './deflate-engine.js';
import { DeflateThread } from './deflate-thread.js';

/** More of them make gzip faster than one thread can read, hash and send it. */
const MOST_THREADS = 4;
/** Milliseconds without work until threads are let go: each takes some 18 MB. */
const PATIENCE = 5000;

/** What the pool needs of a thread. */
export type PoolThread = Pick<DeflateThread, 'deflate' | 'load' | 'isLost' | 'stop'>;

/** A place for one block on one thread. */
interface Slot {
  thread: PoolThread;
  number: number;
}

/** Deflates blocks on as many threads as there are cores, whoever they are from; those that wait are done in their order. */
export class DeflatePool {
  private engine: DeflateEngine | undefined;
  private threads: PoolThread[] = [];
  private idle: Slot[] = [];
  private waiting: ((slot: Slot | undefined) => void)[] = [];
  private busy = 0;
  /** No thread could be started: that is not tried again with every block. */
  private isAlone = false;
  private rest: NodeJS.Timeout | undefined;

  /**
   * @param most - threads; default: one for each core, but no more than four
   * @param patience - milliseconds without work until they are ended
   * @param newThread - throws where there can be no other
   */
  constructor(
    private readonly most = Math.min(MOST_THREADS, availableParallelism()),
    private readonly patience = PATIENCE,
    private readonly newThread: (engine: DeflateEngine) => PoolThread = (engine) => new DeflateThread(engine),
  ) {}

  /** Blocks that a stream may have waiting, so that no thread waits for us to hand it the next one. */
  get ahead(): number {
    return this.most + 1;
  }

  /** On this thread: right for few blocks, since others take longer to start. */
  deflateHere(block: Buffer): Buffer {
    return this.ownEngine().deflate(block);
  }

  /** On another thread, and on this one where there can be no other. */
  async deflate(block: Buffer): Promise<Buffer> {
    clearTimeout(this.rest);
    if (this.threads.length === 0 && !this.isAlone) this.start();
    this.busy += 1;
    const slot = await this.freeSlot();
    try {
      return slot ? await slot.thread.deflate(slot.number, block) : this.deflateHere(block);
    } catch {
      // The thread was lost, the block was not.
      return this.deflateHere(block);
    } finally {
      this.release(slot);
    }
  }

  private ownEngine(): DeflateEngine {
    return (this.engine ??= new DeflateEngine());
  }

  private start(): void {
    try {
      for (let i = 0; i < this.most; i++) this.threads.push(this.newThread(this.ownEngine()));
    } catch {
      // Node's permission model may forbid threads, and the system may have no more.
    }
    this.isAlone = this.threads.length === 0;
    for (let number = 0; number < SLOTS; number++) {
      this.idle.push(...this.threads.map((thread) => ({ thread, number })));
    }
  }

  /** @returns undefined when there is no thread */
  private freeSlot(): Slot | undefined | Promise<Slot | undefined> {
    if (this.threads.length === 0) return undefined;
    const least = this.idle.sort((a, b) => a.thread.load - b.thread.load).shift();
    return least ?? new Promise((resolve) => this.waiting.push(resolve));
  }

  private release(slot: Slot | undefined): void {
    this.busy -= 1;
    if (slot?.thread.isLost) this.forget(slot.thread);
    else if (slot) this.give(slot);
    if (this.busy === 0) this.rest = setTimeout(() => this.stop(), this.patience).unref();
  }

  private give(slot: Slot): void {
    const next = this.waiting.shift();
    if (next) next(slot);
    else this.idle.push(slot);
  }

  private forget(lost: PoolThread): void {
    this.threads = this.threads.filter((thread) => thread !== lost);
    this.idle = this.idle.filter(({ thread }) => thread !== lost);
    if (this.threads.length > 0) return;
    for (const next of this.waiting.splice(0)) next(undefined);
  }

  private stop(): void {
    for (const thread of this.threads) thread.stop();
    this.threads = [];
    this.idle = [];
  }
}

/** That of this process. */
export const deflatePool = new DeflatePool();
