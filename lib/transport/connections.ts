import type { ClientRequest } from 'node:http';
import { Line } from './line.js';

/** The wait for a free connection, of all requests of a transport. */
export class Connections {
  /** When one was given to a request for the last time. */
  private latest = performance.now();
  private readonly lines = new Map<string, Line>();

  /** @param most - requests to one origin at once; more would only wait in Node's own queue, each as large as one that is sent */
  constructor(private readonly most = Infinity) {}

  /**
   * Resolves when it is a request's turn.
   * @param ms - milliseconds without any movement after which `giveUp` is called, which is to abort `signal`
   * @returns to be called when its answer is there, or never will be
   * @throws the signal's reason
   */
  async enter({ origin }: URL, signal: AbortSignal, ms: number, giveUp: () => void): Promise<() => void> {
    signal.throwIfAborted();
    const line = this.lines.get(origin) ?? new Line(this.most);
    this.lines.set(origin, line);
    if (!line.enters()) await this.patiently(line.turn(signal), ms, giveUp);
    return () => {
      this.latest = performance.now();
      line.leave();
      if (line.isEmpty) this.lines.delete(origin);
    };
  }

  /**
   * Resolves when a request has its connection, or will never have one. However long the queue is: as long as it moves, nobody
   * is to blame.
   * @param ms - milliseconds without any movement after which `giveUp` is called
   */
  async wait(request: ClientRequest, ms: number, giveUp: () => void): Promise<void> {
    await this.patiently(connected(request), ms, giveUp);
    this.latest = performance.now();
  }

  private async patiently(waiting: Promise<void>, ms: number, giveUp: () => void): Promise<void> {
    const timer = setInterval(() => {
      if (performance.now() - this.latest >= ms) giveUp();
    }, ms);
    await waiting.finally(() => clearInterval(timer));
  }
}

function connected(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off('socket', done).off('close', done);
      resolve();
    };
    if (request.socket || request.destroyed) done();
    else request.on('socket', done).on('close', done);
  });
}
