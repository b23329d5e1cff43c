import { describe, expect, it, jest } from '@jest/globals';
import { SentBytes } from '../../lib/services/sent-bytes.js';

describe('SentBytes', () => {
  it('counts, and tells', () => {
    const onSent = jest.fn();
    const sent = new SentBytes(onSent);
    const count = sent.begin();
    count(5);
    count(7);
    expect(sent.total).toBe(12);
    expect(onSent.mock.calls).toEqual([[5], [7]]);
  });

  it('takes back what is sent again, but not from the total', () => {
    const onSent = jest.fn();
    const sent = new SentBytes(onSent);
    sent.begin()(5);
    sent.begin()(7);
    sent.begin();
    sent.begin()(1);
    expect(sent.total).toBe(13);
    expect(onSent.mock.calls).toEqual([[5], [-5], [7], [-7], [1]]);
  });

  it('no longer listens to a sending that was given up', () => {
    const onSent = jest.fn();
    const sent = new SentBytes(onSent);
    const old = sent.begin();
    sent.begin();
    old(5);
    expect(sent.total).toBe(0);
    expect(onSent).not.toHaveBeenCalled();
  });

  it('counts when nobody listens', () => {
    const sent = new SentBytes();
    sent.begin()(5);
    sent.begin()(5);
    expect(sent.total).toBe(10);
  });
});
