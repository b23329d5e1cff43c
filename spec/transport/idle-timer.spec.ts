import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdleTimer } from '../../lib/transport/idle-timer.js';

describe('IdleTimer', () => {
  const onIdle = jest.fn();
  let timer: IdleTimer;

  beforeEach(() => {
    jest.useFakeTimers();
    onIdle.mockClear();
    timer = new IdleTimer(onIdle);
  });

  afterEach(() => void jest.useRealTimers());

  it('says how long was waited, and for what', () => {
    timer.start(100, 'sending');
    jest.advanceTimersByTime(99);
    expect(onIdle).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(onIdle.mock.calls).toEqual([[100, 'sending']]);
  });

  it('waits for one thing at a time', () => {
    timer.start(100, 'sending');
    jest.advanceTimersByTime(60);
    timer.start(100, 'receiving');
    jest.advanceTimersByTime(60);
    expect(onIdle).not.toHaveBeenCalled();
    jest.advanceTimersByTime(40);
    expect(onIdle.mock.calls).toEqual([[100, 'receiving']]);
  });

  it('leaves no timer behind when it is stopped', () => {
    timer.start(100, 'sending');
    timer.stop();
    expect(jest.getTimerCount()).toBe(0);
    timer.stop();
    jest.advanceTimersByTime(1000);
    expect(onIdle).not.toHaveBeenCalled();
  });
});
