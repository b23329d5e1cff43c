import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../errors.js';
import { checkFault, type Fault, isMeantFor } from './fault.js';
import { type FaultActions, faultyStream } from './fault-stream.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** A fault that happened. */
export interface FiredFault {
  /** As it was given, the very object. */
  fault: Fault;
  /** Of the request it happened to. */
  method: string;
  /** Path and query. */
  target: string;
}

interface Armed {
  fault: Fault;
  /** Requests it could have happened to. */
  seen: number;
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
 * A registry to which things happen. A request meets one fault at most, the first in the list that may be due; those behind it
 * do not count the request. One with fewer bytes than a fault waits for does not count for that fault. A broken connection is a reset socket over http, and without sockets an error without a status.
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
    this.armed = faults.map((fault, index) => ({ fault: checkFault(fault, index), seen: 0 }));
    setMaxListeners(0, this.ended.signal);
  }

  /** What happened so far, in order. */
  get fired(): readonly FiredFault[] {
    return [...this.happened];
  }

  /** The faults that have not happened as often as they should; with `times: Infinity`, not at all. */
  get pending(): readonly Fault[] {
    const faults = this.armed.map(({ fault }) => fault);
    return faults.filter((fault) => {
      const { times = 1 } = fault;
      const count = this.happened.filter((fired) => fired.fault === fault).length;
      return count < (times === Infinity ? 1 : times);
    });
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    const armed = this.armed.find((candidate) => isOpen(candidate) && this.isDue(candidate, request));
    if (armed === undefined) return this.inner.handle(request);
    const actions: FaultActions = {
      fire: () => this.fire(armed, request),
      broken: () => broken(request),
      pause: (gone) => this.pause(armed.fault, request, gone),
      stall: (gone) => this.stall(gone),
    };
    return countsBytes(armed.fault)
      ? this.passOn(request, armed.fault, actions)
      : this.answer(request, armed.fault, actions);
  }

  /** Ends what stands still; for when the registry closes. */
  close(): void {
    this.ended.abort();
  }

  /** Whether a byte is the one is seen only when it passes. */
  private isDue(armed: Armed, { method, target }: RegistryRequest): boolean {
    if (!isMeantFor(armed.fault, method, target)) return false;
    return countsBytes(armed.fault) || takesTurn(armed);
  }

  /** What happens, without regard to bytes. */
  private async answer(request: RegistryRequest, fault: Fault, actions: FaultActions): Promise<RegistryResponse> {
    if (fault.dropResponse) await this.inner.handle(request);
    this.record(fault, request);
    const gone = goneFrom(request);
    await actions.pause(gone);
    if (fault.status !== undefined) return refusal(request, fault, fault.status);
    if (fault.stallAfterBytes !== undefined) await actions.stall(gone);
    if (!fault.dropResponse && !isBreak(fault)) return this.inner.handle(request);
    await setImmediate();
    throw actions.broken();
  }

  private async passOn(request: RegistryRequest, fault: Fault, actions: FaultActions): Promise<RegistryResponse> {
    if (request.method === 'GET') return faultyAnswer(await this.inner.handle(request), fault, actions);
    return this.inner.handle({ ...request, body: faultyStream(request.body, fault, actions) });
  }

  private fire(armed: Armed, request: RegistryRequest): boolean {
    const isTurn = isOpen(armed) && takesTurn(armed);
    if (isTurn) this.record(armed.fault, request);
    return isTurn;
  }

  private record(fault: Fault, { method, target }: RegistryRequest): void {
    this.happened.push({ fault, method, target });
  }

  private async pause({ delayMs }: Fault, request: RegistryRequest, gone: AbortSignal): Promise<void> {
    if (delayMs === undefined) return;
    const signal = AbortSignal.any([this.ended.signal, gone]);
    await sleep(delayMs, undefined, { signal }).catch(() => Promise.reject(broken(request)));
  }

  private stall(gone: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.ended.signal, gone]);
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** Aborts when the client leaves before its request was read, as it does while nothing moves. */
function goneFrom({ body }: RegistryRequest): AbortSignal {
  const gone = new AbortController();
  body.once('close', () => body.readableEnded || gone.abort());
  return gone.signal;
}

function isOpen({ fault: { nth = 1, times = 1 }, seen }: Armed): boolean {
  return seen < nth - 1 + times;
}

/** Counts a request the fault could happen to. @returns whether it does */
function takesTurn(armed: Armed): boolean {
  armed.seen += 1;
  return armed.seen >= (armed.fault.nth ?? 1);
}

/** After no byte at all nothing needs to be counted. */
function countsBytes({ resetAfterBytes, stallAfterBytes, truncateAfterBytes, flipBit }: Fault): boolean {
  return Boolean(resetAfterBytes) || Boolean(stallAfterBytes) || (truncateAfterBytes ?? flipBit) !== undefined;
}

function isBreak({ resetAfterBytes, stallAfterBytes }: Fault): boolean {
  return (resetAfterBytes ?? stallAfterBytes) !== undefined;
}

function refusal(request: RegistryRequest, fault: Fault, status: number): RegistryResponse {
  const { retryAfter, code = CODES[status] ?? 'UNKNOWN' } = fault;
  const pause = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter;
  const headers: Record<string, string> = pause === undefined ? {} : { 'retry-after': String(pause) };
  return seal(request, errorResponse(new Refusal(code, 'a fault of the test', { status, headers })));
}

function faultyAnswer(answer: RegistryResponse, fault: Fault, actions: FaultActions): RegistryResponse {
  const { body, headers } = answer;
  if (body === undefined) return answer;
  const open = async (): Promise<Readable> => {
    const source = await body.open();
    // Nobody else sees it: a fault that stops early would leave its file open.
    return faultyStream(source, fault, actions).once('close', () => source.destroy());
  };
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
