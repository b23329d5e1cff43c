import { describe, expect, it } from '@jest/globals';
import { describeError, exitCodeFor, reportError } from '../../lib/cli/describe-error.js';
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
import { FakeIo } from './fake-io.js';

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

describe('what to try', () => {
  function absent(url: string): string {
    return describeError(new NotFoundError('it is not there', { code, status: 404, url }));
  }

  it('for a wrong tag is to look which ones there are', () => {
    expect(absent('http://localhost:5000/v2/team/app/manifests/9')).toBe(
      'it is not there. See which tags there are: registry-client tags http://localhost:5000/team/app',
    );
    expect(absent('https://host.test/v2/app/manifests/9')).toMatch(/registry-client tags host\.test\/app$/);
  });

  it('for a wrong digest is to doubt the repository', () => {
    expect(absent('https://host.test/v2/app/manifests/sha256:ab')).toBe(
      'it is not there. Is this the repository that has it?',
    );
  });

  it('for other things that are not there is nothing', () => {
    expect(absent('https://host.test/v2/app/blobs/sha256:ab')).toBe('it is not there');
  });

  it('where http was spoken to a port for https is to say so', () => {
    const details = { code, status: 400, url: 'http://localhost:5000/v2/' };
    expect(describeError(new RegistryError('answered 400', details))).toBe(
      'answered 400. If this port speaks TLS, write https:// before the name.',
    );
    const told = { ...details, errors: [{ code: 'NAME_INVALID' }] };
    expect(describeError(new RegistryError('answered 400', told))).toBe('answered 400');
    expect(describeError(new RegistryError('answered 400', { ...details, url: 'https://a.test/v2/' }))).toBe(
      'answered 400',
    );
  });

  it('stays what the package says where it does', () => {
    const details = { code, status: 404, hint: 'Ask.', url: 'https://host.test/v2/app/manifests/9' };
    expect(describeError(new NotFoundError('gone', details))).toBe('gone. Ask.');
  });
});

describe('reportError', () => {
  const error = new NotFoundError('no\u001b[2J', { code: 'MANIFEST_UNKNOWN', status: 404, hint: 'Look.' });

  function report(io: FakeIo, json = false): string {
    expect(reportError(error, io, { json })).toBe(1);
    return io.err;
  }

  it('is one line where it may be a log', () => {
    expect(report(new FakeIo())).toBe('error: no\\u001b[2J. Look.\n');
  });

  it('has what to try in a line of its own on a terminal, and a red word', () => {
    const io = Object.assign(new FakeIo(), { screen: { isTTY: true } });
    expect(report(io)).toBe('\u001b[1m\u001b[31merror:\u001b[39m\u001b[22m no\\u001b[2J.\n  Look.\n');
  });

  it('is a line of JSON among others, with the exit code', () => {
    expect(JSON.parse(report(new FakeIo(), true))).toEqual({
      ...{ state: 'error', code: 'MANIFEST_UNKNOWN', message: 'no\\u001b[2J. Look.' },
      ...{ retryable: false, status: 404, exitCode: 1 },
    });
  });

  it('says of a mistake of ours in JSON what it says in words', () => {
    const io = new FakeIo();
    reportError(new TypeError('oops'), io, { json: true });
    expect(JSON.parse(io.err)).toMatchObject({ code: 'UNEXPECTED', exitCode: 1 });
  });
});
