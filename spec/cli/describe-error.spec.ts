import { describe, expect, it } from '@jest/globals';
import { describeError, exitCodeFor } from '../../lib/cli/describe-error.js';
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
} from '../../lib/errors.js';

const code = 'X';

describe('exitCodeFor', () => {
  it.each<[number, string, unknown]>([
    [2, 'a wrong argument', new InvalidArgumentError('no')],
    [3, 'a file that is no tar', new TarReadError('no')],
    [3, 'a tar that is no image archive', new ValidationError('no', [])],
    [4, 'refused credentials', new AuthenticationError('no', { code, status: 401 })],
    [4, 'a refused operation', new AuthenticationError('no', { code, status: 403 })],
    [1, 'a catalog that is not offered', new UnsupportedError('no', { code, status: 401 })],
    [1, 'something that is not there', new NotFoundError('no', { code, status: 404 })],
    [1, 'a limit', new RateLimitError('no', { code, status: 429 })],
    [1, 'other content', new DigestMismatchError('no', { expected: 'a', actual: 'b' })],
    [1, 'no answer', new RegistryError('no', { code })],
    [1, 'another error of the package', new RegistryClientError('no', { code })],
    [1, 'a mistake of ours', new TypeError('no')],
    [1, 'something thrown that is no error', 'no'],
  ])('is %p for %s', (expected, _, error) => {
    expect(exitCodeFor(error)).toBe(expected);
  });
});

describe('describeError', () => {
  it('is the message of an error of the package, with what to try', () => {
    expect(describeError(new InvalidArgumentError('it is wrong', { hint: 'Do better.' }))).toBe(
      'it is wrong. Do better.',
    );
  });

  it('shows where a mistake of ours is', () => {
    expect(describeError(new TypeError('oops'))).toMatch(/^TypeError: oops\n +at /);
  });

  it('takes what is thrown otherwise as it is', () => {
    expect(describeError('text')).toBe('text');
    expect(describeError(undefined)).toBe('undefined');
    expect(describeError(Object.assign(new Error('no stack'), { stack: undefined }))).toBe('no stack');
  });

  it('lets no text from outside steer the terminal or pretend to be another line', () => {
    expect(describeError(new TarReadError('\u001b[2Jit is\nerror: fine'))).toBe('\\u001b[2Jit is\\u000aerror: fine');
    expect(describeError(new Error('\u009bbell\u0007'))).toMatch(/^Error: \\u009bbell\\u0007\n/);
  });
});
