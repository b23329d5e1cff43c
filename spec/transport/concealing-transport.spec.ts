import { buffer } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ConcealingTransport } from '../../lib/transport/concealing-transport.js';
import { discard } from '../../lib/transport/discard.js';
import { FakeTransport } from '../support/fake-transport.js';

const PAIR = 'alice:pa"ss wörd';
const BASIC = `Basic ${Buffer.from(PAIR).toString('base64')}`;

async function told(body: string, { status = 400, authorization = 'Bearer s3cr3t-token' } = {}): Promise<string> {
  const transport = new ConcealingTransport(new FakeTransport(() => ({ status, body })));
  const headers = authorization === '' ? {} : { authorization };
  const response = await transport.send({ method: 'GET', url: new URL('http://registry.test/'), headers });
  return (await buffer(response.body)).toString();
}

describe('ConcealingTransport', () => {
  it('takes a token out of an error', async () => {
    expect(await told('{"message":"s3cr3t-token, Bearer s3cr3t-token"}')).toBe(
      '{"message":"REDACTED, Bearer REDACTED"}',
    );
  });

  it('takes a password out of it, in every way it may be written', async () => {
    const secret = 'pa"ss wörd';
    const body = [secret, JSON.stringify(secret), encodeURIComponent(secret), BASIC].join('\n');
    expect(await told(body, { authorization: BASIC })).toBe('REDACTED\n"REDACTED"\nREDACTED\nBasic REDACTED');
  });

  it('leaves an answer alone that is no error', async () => {
    expect(await told('s3cr3t-token', { status: 200 })).toBe('s3cr3t-token');
  });

  it('leaves an answer alone to who told no secret, or next to none', async () => {
    expect(await told('s3cr3t-token', { authorization: '' })).toBe('s3cr3t-token');
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
    expect(await told('abba', { authorization })).toBe('abba');
  });

  it('fails with a body that breaks off, behind what came of it', async () => {
    const body = new PassThrough();
    const transport = new ConcealingTransport({
      send: ({ url }) => Promise.resolve({ status: 500, headers: {}, body, url }),
    });
    body.write('s3cr3t-token, and');
    setImmediate(() => body.destroy(new Error('broken')));
    const headers = { authorization: 'Bearer s3cr3t-token' };
    const response = await transport.send({ method: 'GET', url: new URL('http://registry.test/'), headers });
    const chunks: string[] = [];
    const reading = (async () => {
      for await (const chunk of response.body) chunks.push(String(chunk));
    })();
    await expect(reading).rejects.toThrow('broken');
    expect(chunks).toEqual(['REDACTED, and']);
  });

  it('lets an error that breaks off be dropped', async () => {
    const body = new PassThrough();
    const transport = new ConcealingTransport({
      send: ({ url }) => Promise.resolve({ status: 503, headers: {}, body, url }),
    });
    const headers = { authorization: 'Bearer s3cr3t-token' };
    const response = await transport.send({ method: 'GET', url: new URL('http://registry.test/'), headers });
    discard(response);
    body.destroy(new Error('broken'));
    await new Promise((resolve) => response.body.once('close', resolve));
    expect(response.body.destroyed).toBe(true);
  });

  it('closes what it wraps', async () => {
    const inner = new FakeTransport(() => ({}));
    await new ConcealingTransport(inner).close();
    expect(inner.isClosed).toBe(true);
  });
});
