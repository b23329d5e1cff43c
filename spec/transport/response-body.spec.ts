import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { holdResponse, readUpTo } from '../../lib/transport/response-body.js';

const url = new URL('https://registry.example/v2/');

function chunked(...chunks: string[]): Readable {
  return Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
}

describe('readUpTo', () => {
  it('reads a short body whole', async () => {
    expect((await readUpTo(chunked('ab', 'cd'), 100)).toString()).toBe('abcd');
  });

  it('stops at the limit and destroys the rest', async () => {
    const body = chunked('ab', 'cd', 'ef');
    expect((await readUpTo(body, 3)).toString()).toBe('abcd');
    expect(body.destroyed).toBe(true);
  });

  it('rejects when the body breaks', async () => {
    const body = new Readable({ read: () => undefined });
    body.destroy(new Error('broken'));
    await expect(readUpTo(body, 3)).rejects.toThrow('broken');
  });
});

describe('holdResponse', () => {
  it('keeps status, headers and text, and frees the connection', async () => {
    const body = chunked('{"errors":', '[]}');
    const held = await holdResponse({ status: 401, url, headers: { a: 'b' }, body });
    expect(body.destroyed).toBe(true);
    expect(held).toMatchObject({ status: 401, url, headers: { a: 'b' } });
    await expect(text(held.body)).resolves.toBe('{"errors":[]}');
  });

  it('can hold an empty body', async () => {
    const held = await holdResponse({ status: 401, url, headers: {}, body: chunked() });
    await expect(text(held.body)).resolves.toBe('');
  });

  it('cuts an endless body off', async () => {
    const body = new Readable({
      read() {
        this.push(Buffer.alloc(16 * 1024));
      },
    });
    const held = await holdResponse({ status: 401, url, headers: {}, body });
    expect(body.destroyed).toBe(true);
    expect((await text(held.body)).length).toBeLessThanOrEqual(80 * 1024);
  });

  it('waits for a silent body no longer than its patience, and keeps what came', async () => {
    const body = new Readable({ read: () => undefined });
    body.push('some');
    const held = await holdResponse({ status: 401, url, headers: {}, body }, 20);
    expect(body.destroyed).toBe(true);
    await expect(text(held.body)).resolves.toBe('some');
  });

  it('waits no longer for a body whose source ignores that it was destroyed', async () => {
    const source = async function* () {
      yield Buffer.from('some');
      await new Promise(() => undefined);
    };
    const held = await holdResponse({ status: 401, url, headers: {}, body: Readable.from(source()) }, 20);
    await expect(text(held.body)).resolves.toBe('some');
  });

  it('keeps what came before the body broke', async () => {
    const source = async function* () {
      yield await Promise.resolve(Buffer.from('some'));
      throw new Error('broken');
    };
    const held = await holdResponse({ status: 401, url, headers: {}, body: Readable.from(source()) });
    await expect(text(held.body)).resolves.toBe('some');
  });
});
