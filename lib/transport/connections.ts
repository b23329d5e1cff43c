import type { ClientRequest } from 'node:http';

/** The wait for a free connection, of all requests of a transport. */
export class Connections {
  /** When one was given to a request for the last time. */
  private latest = performance.now();

  /**
   * Resolves when a request has its connection, or will never have one. However long the queue is: as long as it moves, nobody
   * is to blame.
   * @param ms - milliseconds without any movement after which `giveUp` is called
   */
  async wait(request: ClientRequest, ms: number, giveUp: () => void): Promise<void> {
    const timer = setInterval(() => {
      if (performance.now() - this.latest >= ms) giveUp();
    }, ms);
    await connected(request);
    clearInterval(timer);
    this.latest = performance.now();
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
