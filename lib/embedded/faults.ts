import { setMaxListeners } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../errors.js';
import { checkFault, type Fault, isMeantFor } from './fault.js';
import { type FaultActions, faultyStream } from './fault-stream.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** A fault that happened. */
export interface FiredFault {
  fault: Fault;
  method: string;
  /** Path and query. */
  target: string;
}

interface Armed {
  fault: Fault;
  /** Requests it was meant for. */
  seen: number;
  fired: number;
}

/** The code of the spec that goes with a status. */
const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  416: 'BLOB_UPLOAD_INVALID',
  429: 'TOOMANYREQUESTS',
};

/**
 * A registry to which things happen. A request meets one fault at most, the first in the list that is due; those behind it do
 * not count the request. A broken connection is a reset socket over http, and without sockets an error without a status.
 */
export class Faults implements RegistryHandler {
  private readonly armed: readonly Armed[];
  private readonly happened: FiredFault[] = [];
  private readonly ended = new AbortController();

  /** @throws InvalidArgumentError naming the fault and the field that cannot be right. */
  constructor(
    private readonly inner: RegistryHandler,
    faults: readonly Fault[],
  ) {
    this.armed = faults.map((fault, index) => ({ fault: checkFault(fault, index), seen: 0, fired: 0 }));
    setMaxListeners(0, this.ended.signal);
  }

  /** What happened so far, in order. One that was due but found fewer bytes than it counts is not among them. */
  get fired(): readonly FiredFault[] {
    return [...this.happened];
  }

  /** The faults that have not happened as often as they should; with `times: Infinity`, not at all. */
  get pending(): readonly Fault[] {
    const isPending = ({ fault: { times = 1 }, fired }: Armed): boolean => fired < (times === Infinity ? 1 : times);
    return this.armed.filter(isPending).map(({ fault }) => fault);
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const due = this.due(request);
    if (due === undefined) return this.inner.handle(request);
    const { fault } = due;
    const fire = (): void => {
      due.fired += 1;
      this.happened.push({ fault, method: request.method, target: request.target });
    };
    if (fault.delayMs !== undefined) await this.wait(request, fault.delayMs);
    return this.answer(request, fault, { fire, broken: () => broken(request), stall: () => this.stall() });
  }

  /** Ends what stands still; for when the registry closes. */
  close(): void {
    this.ended.abort();
  }

  private due({ method, target }: RegistryRequest): Armed | undefined {
    for (const armed of this.armed) {
      const { nth = 1, times = 1 } = armed.fault;
      if (armed.seen >= nth - 1 + times || !isMeantFor(armed.fault, method, target)) continue;
      armed.seen += 1;
      if (armed.seen >= nth) return armed;
    }
    return undefined;
  }

  private async answer(request: RegistryRequest, fault: Fault, actions: FaultActions): Promise<RegistryResponse> {
    if (fault.status !== undefined) return refusal(request, fault, fault.status, actions);
    if (fault.resetAfterBytes === 0 || fault.stallAfterBytes === 0) return this.breakAtOnce(fault, actions);
    if (fault.dropResponse) return this.drop(request, actions);
    if (!countsBytes(fault)) {
      actions.fire();
      return this.inner.handle(request);
    }
    if (request.method !== 'GET') {
      return this.inner.handle({ ...request, body: faultyStream(request.body, fault, actions) });
    }
    return faultyAnswer(await this.inner.handle(request), fault, actions);
  }

  private async breakAtOnce({ stallAfterBytes }: Fault, { fire, broken }: FaultActions): Promise<never> {
    fire();
    if (stallAfterBytes !== undefined) await this.stall();
    await setImmediate();
    throw broken();
  }

  private async drop(request: RegistryRequest, { fire, broken }: FaultActions): Promise<never> {
    await this.inner.handle(request);
    fire();
    await setImmediate();
    throw broken();
  }

  private async wait(request: RegistryRequest, ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.ended.signal }).catch(() => Promise.reject(broken(request)));
  }

  private stall(): Promise<void> {
    const { signal } = this.ended;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

function countsBytes({ resetAfterBytes, stallAfterBytes, truncateAfterBytes, flipBit }: Fault): boolean {
  return [resetAfterBytes, stallAfterBytes, truncateAfterBytes, flipBit].some((value) => value !== undefined);
}

function refusal(request: RegistryRequest, fault: Fault, status: number, { fire }: FaultActions): RegistryResponse {
  const { retryAfter, code = CODES[status] ?? 'UNKNOWN' } = fault;
  const pause = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter;
  const headers: Record<string, string> = pause === undefined ? {} : { 'retry-after': String(pause) };
  fire();
  return seal(request, errorResponse(new Refusal(code, 'a fault of the test', { status, headers })));
}

function faultyAnswer(answer: RegistryResponse, fault: Fault, actions: FaultActions): RegistryResponse {
  const { body, headers } = answer;
  if (body === undefined) return answer;
  const open = async (): Promise<ReturnType<typeof faultyStream>> => faultyStream(await body.open(), fault, actions);
  // The length stays what it was, so the end of the connection must say that no more is to come.
  const closing = fault.truncateAfterBytes === undefined ? {} : { connection: 'close' };
  return { ...answer, headers: { ...headers, ...closing }, body: { ...body, open } };
}

function broken({ method, target }: RegistryRequest): RegistryError {
  const path = target.split('?', 1)[0];
  return new RegistryError(`${method} ${path} got no answer: the connection was reset`, {
    code: 'ECONNRESET',
    retryable: true,
    method,
    url: path,
  });
}
