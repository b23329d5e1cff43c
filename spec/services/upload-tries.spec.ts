import { describe, expect, it } from '@jest/globals';
import { RegistryError } from '../../lib/errors.js';
import { isSessionOver } from '../../lib/services/upload-tries.js';

// How often, and after what, a blob is tried is in blob-service.spec.ts, request by request.
describe('isSessionOver', () => {
  it.each([
    ['a connection that broke', { code: 'ECONNRESET', retryable: true }],
    ['a server in trouble', { code: 'HTTP_503', status: 503, retryable: true }],
    ['a session nobody knows', { code: 'BLOB_UPLOAD_UNKNOWN', status: 404 }],
    ['a session that is invalid', { code: 'BLOB_UPLOAD_INVALID', status: 400 }],
    ['an address nobody knows', { code: 'HTTP_404', status: 404 }],
    ['a range that does not fit', { code: 'RANGE_INVALID', status: 416 }],
  ])('may be after %s', (_, details) => {
    expect(isSessionOver(new RegistryError('no', details))).toBe(true);
  });

  it.each([
    ['a refusal', { code: 'DENIED', status: 403 }],
    ['a size that does not fit', { code: 'SIZE_INVALID', status: 400 }],
    ['a host nobody knows', { code: 'ENOTFOUND' }],
  ])('is not after %s', (_, details) => {
    expect(isSessionOver(new RegistryError('no', details))).toBe(false);
  });

  it('is not after a failure of the content', () => {
    expect(isSessionOver(new Error('disk gone'))).toBe(false);
  });
});
