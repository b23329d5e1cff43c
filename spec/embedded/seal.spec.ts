import { describe, expect, it } from '@jest/globals';
import { bodyOf } from '../../lib/embedded/message.js';
import { seal } from '../../lib/embedded/seal.js';
import { requestOf } from '../support/handlers.js';

describe('seal', () => {
  const body = bodyOf(Buffer.from('four'));

  it('adds the length and the API version', () => {
    expect(seal(requestOf('GET', '/v2/'), { status: 200, headers: { etag: 'x' }, body })).toEqual({
      status: 200,
      headers: { etag: 'x', 'content-length': '4', 'docker-distribution-api-version': 'registry/2.0' },
      body,
    });
  });

  it('keeps the length and drops the body for HEAD', () => {
    const { headers, body: left } = seal(requestOf('HEAD', '/v2/'), { status: 200, headers: {}, body });
    expect([headers['content-length'], left]).toEqual(['4', undefined]);
  });

  it('gives 204 no length, and anything else without a body a 0', () => {
    const lengthOf = (status: number) => seal(requestOf('GET', '/'), { status, headers: {} }).headers['content-length'];
    expect([lengthOf(204), lengthOf(202)]).toEqual([undefined, '0']);
  });
});
