import { getEventListeners } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { onAbort } from '../../lib/transport/on-abort.js';

describe('onAbort', () => {
  it('tells the reason, once', () => {
    const abort = new AbortController();
    const listener = jest.fn();
    onAbort(abort.signal, listener);
    expect(listener).not.toHaveBeenCalled();
    abort.abort('enough');
    abort.abort('again');
    expect(listener.mock.calls).toEqual([['enough']]);
  });

  it('tells at once what has happened already', () => {
    const listener = jest.fn();
    onAbort(AbortSignal.abort('before'), listener);
    expect(listener.mock.calls).toEqual([['before']]);
  });

  it('stops listening', () => {
    const abort = new AbortController();
    const listener = jest.fn();
    const stop = onAbort(abort.signal, listener);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    stop();
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    abort.abort();
    expect(listener).not.toHaveBeenCalled();
  });

  it('without a signal never tells', () => {
    const listener = jest.fn();
    onAbort(undefined, listener)();
    expect(listener).not.toHaveBeenCalled();
  });
});
