import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { errorResponse, Refusal } from '../../lib/embedded/registry-error.js';
import { InvalidArgumentError, RegistryClientError } from '../../lib/errors.js';
import { malformed } from '../../lib/oci/descriptor.js';

async function shown(error: unknown) {
  const { status, headers, body } = errorResponse(error);
  return { status, headers, json: JSON.parse(await text(await body!.open())) as unknown };
}

describe('errorResponse', () => {
  it('has the form the spec wants', async () => {
    const refusal = new Refusal('BLOB_UNKNOWN', 'no such blob', { detail: { digest: 'd' }, headers: { allow: 'GET' } });
    expect(await shown(refusal)).toEqual({
      status: 404,
      headers: { 'content-type': 'application/json', allow: 'GET' },
      json: { errors: [{ code: 'BLOB_UNKNOWN', message: 'no such blob', detail: { digest: 'd' } }] },
    });
  });

  it('leaves out a detail that is not there', async () => {
    const { json } = await shown(new Refusal('UNSUPPORTED', 'no'));
    expect(json).toEqual({ errors: [{ code: 'UNSUPPORTED', message: 'no' }] });
  });

  it('may have another status than the code stands for, and several entries', async () => {
    const errors = [{ code: 'MANIFEST_INVALID' }, { code: 'SIZE_INVALID' }];
    const answer = await shown(new Refusal('MANIFEST_INVALID', 'both', { status: 413, errors }));
    expect([answer.status, answer.json]).toEqual([413, { errors }]);
  });

  it.each([
    [new InvalidArgumentError('not a name', { code: 'NAME_INVALID' }), 400, 'NAME_INVALID'],
    [malformed('not a manifest'), 400, 'MANIFEST_INVALID'],
    [new RegistryClientError('odd', { code: 'toString' }), 500, 'UNKNOWN'],
    [new Error('disk full'), 500, 'UNKNOWN'],
    ['thrown text', 500, 'UNKNOWN'],
  ])('turns %s into %d %s', async (error, status, code) => {
    expect(await shown(error)).toMatchObject({ status, json: { errors: [{ code }] } });
  });

  it('says what failed inside', async () => {
    expect(JSON.stringify((await shown(new Error('disk full'))).json)).toContain('disk full');
  });
});
