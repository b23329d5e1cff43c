import { describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../lib/oci/digest.js';
import { imageOf, jsonOf, type Answer } from '../../contract/caller.js';
import { describeSection } from './describe-section.js';

describeSection('Error Codes', (section) => {
  const BAD: readonly [string, () => Promise<Answer>][] = [
    ['404 BLOB_UNKNOWN', () => section.ask('GET', `blobs/${digestOf('missing')}`)],
    ['404 BLOB_UPLOAD_UNKNOWN', () => section.ask('GET', 'blobs/uploads/missing')],
    ['400 DIGEST_INVALID', () => section.ask('GET', 'manifests/sha256:totallywrong')],
    ['400 MANIFEST_BLOB_UNKNOWN', () => section.caller.putManifest(section.repository, 'v1', imageOf('missing'))],
    ['400 MANIFEST_INVALID', () => section.ask('PUT', 'manifests/v1', { body: 'no JSON' })],
    ['404 NAME_UNKNOWN', () => section.ask('GET', 'manifests/v1')],
    ['400 NAME_INVALID', () => section.caller.call('GET', '/v2/UPPER/tags/list')],
    ['405 UNSUPPORTED', () => section.ask('POST', 'tags/list')],
    ['404 UNSUPPORTED', () => section.caller.call('GET', '/v2/nothing')],
  ];

  describe('come as JSON', () => {
    it.each(BAD)('%s', async (outcome, ask) => {
      const answer = await ask();
      expect(answer.headers['content-type']).toBe('application/json');
      const { errors } = jsonOf<{ errors: { code: string; message: string }[] }>(answer);
      expect(errors.map(({ code }) => `${answer.status} ${code}`)).toEqual([outcome]);
      expect(errors[0]?.message).toMatch(/\w{3}/);
    });
  });
});
