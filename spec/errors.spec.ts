import { describe, expect, it } from '@jest/globals';
import {
  AuthenticationError,
  DigestMismatchError,
  InvalidArgumentError,
  NotFoundError,
  RateLimitError,
  RegistryClientError,
  RegistryError,
  TarReadError,
  UnsupportedError,
  ValidationError,
} from '../lib/errors.js';

const details = { code: 'MANIFEST_UNKNOWN' };

describe('RegistryClientError', () => {
  it('carries code, hint and cause, and is not worth a retry unless it says so', () => {
    const cause = new Error('deeper');
    const error = new RegistryClientError('Pushing app failed', { code: 'X', hint: 'Try again.', cause });
    expect(error).toMatchObject({ code: 'X', hint: 'Try again.', cause, retryable: false });
    expect(new RegistryClientError('a', { code: 'X', retryable: true }).retryable).toBe(true);
  });

  it.each([
    ['Pushing app failed', 'Pushing app failed. Try again.'],
    ['Pushing app failed.', 'Pushing app failed. Try again.'],
    ['What now?', 'What now? Try again.'],
  ])('ends the message "%s" before the hint', (message, shown) => {
    expect(new RegistryClientError(message, { code: 'X', hint: 'Try again.' }).message).toBe(shown);
  });

  it('says no more than its message when there is no hint, and has no cause when none was given', () => {
    const error = new RegistryClientError('Pushing app failed', { code: 'X' });
    expect(error.message).toBe('Pushing app failed');
    expect('cause' in error).toBe(false);
  });

  it.each([
    ['InvalidArgumentError', new InvalidArgumentError('m'), RegistryClientError],
    ['RegistryError', new RegistryError('m', details), RegistryClientError],
    ['AuthenticationError', new AuthenticationError('m', details), RegistryError],
    ['NotFoundError', new NotFoundError('m', details), RegistryError],
    ['UnsupportedError', new UnsupportedError('m', details), RegistryError],
    ['RateLimitError', new RateLimitError('m', details), RegistryError],
    ['DigestMismatchError', new DigestMismatchError('m', { expected: 'a', actual: 'b' }), RegistryError],
    ['TarReadError', new TarReadError('m'), RegistryClientError],
    ['ValidationError', new ValidationError('m', []), RegistryClientError],
  ])('has %s in its family, by class, name and brand', (name, error, parent) => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(parent);
    expect(error.name).toBe(name);
    expect(error.stack).toContain(name);
    expect(RegistryClientError.is(error)).toBe(true);
  });

  it('knows errors of another copy of this package, and nothing else', () => {
    const foreign = Object.assign(new Error('m'), { [Symbol.for('registry-api-v2-client.error')]: true });
    expect(RegistryClientError.is(foreign)).toBe(true);
    for (const other of [new Error('m'), {}, null, undefined, 'text', 4])
      expect(RegistryClientError.is(other)).toBe(false);
  });

  it('does not show its brand where errors are printed', () => {
    expect(Object.keys(new InvalidArgumentError('m'))).not.toContain('registry-api-v2-client.error');
    expect(Object.getOwnPropertySymbols({ ...new InvalidArgumentError('m') })).toEqual([]);
  });
});

describe('the codes that errors have of themselves', () => {
  it.each([
    [new InvalidArgumentError('m').code, 'INVALID_ARGUMENT'],
    [new InvalidArgumentError('m', { code: 'TAG_INVALID' }).code, 'TAG_INVALID'],
    [new TarReadError('m').code, 'TAR_UNREADABLE'],
    [new ValidationError('m', []).code, 'ARCHIVE_INVALID'],
    [new DigestMismatchError('m', { expected: 'a', actual: 'b' }).code, 'DIGEST_MISMATCH'],
  ])('%s is %s', (actual, expected) => {
    expect(actual).toBe(expected);
  });
});

describe('RegistryError', () => {
  it('carries what was asked, what came back and what the registry said', () => {
    const answer = { status: 404, method: 'GET', url: 'http://localhost/v2/', errors: [{ code: 'NAME_UNKNOWN' }] };
    expect(new RegistryError('m', { ...details, ...answer })).toMatchObject(answer);
  });

  it('has no status and an empty list when no answer came', () => {
    expect(new RegistryError('m', details)).toMatchObject({ status: undefined, errors: [] });
  });
});

describe('RateLimitError', () => {
  it('says when the limit ends, if the registry said so', () => {
    const resetAt = new Date(0);
    expect(new RateLimitError('m', { ...details, resetAt }).resetAt).toBe(resetAt);
    expect(new RateLimitError('m', details).resetAt).toBeUndefined();
  });
});

describe('DigestMismatchError', () => {
  it('carries both digests', () => {
    const error = new DigestMismatchError('m', { expected: 'sha256:a', actual: 'sha256:b' });
    expect(error).toMatchObject({ expected: 'sha256:a', actual: 'sha256:b' });
  });
});

describe('ValidationError', () => {
  it('lists every problem with the entry it is about', () => {
    const problems = [{ entry: 'manifest.json', message: 'is not JSON' }];
    expect(new ValidationError('m', problems).problems).toBe(problems);
  });
});
