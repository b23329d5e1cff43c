import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { bodyOf, chunksOf, jsonResponse } from '../../lib/embedded/message.js';

describe('bodyOf', () => {
  it('opens the bytes as often as asked', async () => {
    const body = bodyOf(Buffer.from('content'));
    expect([body.size, await text(await body.open()), await text(await body.open())]).toEqual([
      7,
      'content',
      'content',
    ]);
  });

  it('may be empty', async () => {
    expect(await text(await bodyOf(Buffer.alloc(0)).open())).toBe('');
  });
});

describe('jsonResponse', () => {
  it('counts bytes, not characters', async () => {
    const { status, headers, body } = jsonResponse(200, { name: 'ä' }, { link: 'next' });
    expect([status, headers]).toEqual([200, { link: 'next', 'content-type': 'application/json' }]);
    expect([body?.size, await text(await body!.open())]).toEqual([13, '{"name":"ä"}']);
  });
});

describe('chunksOf', () => {
  it('leaves the body open when reading stops early', async () => {
    const body = Readable.from([Buffer.from('one'), Buffer.from('two')]);
    for await (const chunk of chunksOf(body)) {
      expect(chunk.toString()).toBe('one');
      break;
    }
    expect(body.destroyed).toBe(false);
    expect(await text(body)).toBe('two');
  });
});
