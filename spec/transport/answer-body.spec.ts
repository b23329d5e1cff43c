import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { AnswerBody } from '../../lib/transport/answer-body.js';

const request = { method: 'GET', url: new URL('http://registry.example/blob'), headers: {} };

function setUp(idleTimeout = 1000, signal?: AbortSignal) {
  const answer = new PassThrough();
  const body = new AnswerBody(answer as unknown as IncomingMessage, { ...request, signal }, idleTimeout);
  return { answer, body };
}

// Over sockets it is tried in axios-transport.spec.ts and exchange.spec.ts.
describe('AnswerBody', () => {
  it('gives the bytes on, and ends with them', async () => {
    const { answer, body } = setUp();
    answer.write('con');
    answer.end('tent');
    await expect(text(body)).resolves.toBe('content');
  });

  it('takes nothing before it is read', async () => {
    const { answer, body } = setUp();
    answer.write('content');
    await sleep(5);
    expect([answer.readableLength, body.readableLength]).toEqual([7, 0]);
    body.destroy();
  });

  it('waits for its reader without counting that as silence', async () => {
    const { answer, body } = setUp(20);
    answer.write(Buffer.alloc(300 * 1024));
    body.read(0);
    await sleep(60);
    expect(body.destroyed).toBe(false);
    body.destroy();
  });

  it('gives up when nothing comes', async () => {
    const { answer, body } = setUp(20);
    await expect(text(body)).rejects.toMatchObject({ code: 'ETIMEDOUT', retryable: true });
    expect(answer.destroyed).toBe(true);
  });

  it('takes the answer along when it is destroyed', () => {
    const { answer, body } = setUp();
    body.destroy();
    expect(answer.destroyed).toBe(true);
  });

  it('ends with the reason of an abort, the one before its time too', async () => {
    const abort = new AbortController();
    const { body } = setUp(1000, abort.signal);
    abort.abort('enough');
    await expect(text(body)).rejects.toBe('enough');
    await expect(text(setUp(1000, abort.signal).body)).rejects.toBe('enough');
  });

  it('tells a failure to whoever reads later', async () => {
    const { answer, body } = setUp();
    answer.destroy(new Error('aborted'));
    await sleep(1);
    await expect(text(body)).rejects.toThrow('GET http://registry.example/blob broke off in its answer: aborted');
  });
});
