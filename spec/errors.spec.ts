import { inspect } from 'node:util';
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
    expect(error.stack).toMatch(new RegExp(`^${name}: m\n`));
    expect(String(error)).toBe(`${name}: m`);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name, message: 'm', code: error.code, retryable: false });
    expect(inspect(error)).toMatch(new RegExp(`^${name}: m\n`));
    expect(inspect({ error }, { depth: 0 })).toBe(`{ error: [${name}] }`);
    expect(RegistryClientError.is(error)).toBe(true);
  });

  it('lets a subclass made elsewhere have the name it has there', () => {
    class QuotaError extends RegistryError {}
    const error = new QuotaError('m', details);
    expect([error.name, inspect(error).split('\n')[0]]).toEqual(['QuotaError', 'QuotaError: m']);
    expect(new RegistryError('m', details).name).toBe('RegistryError');
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

/** Someone else's error, with what libraries hang on theirs. */
function foreign(message: string, more: object = {}): Error {
  const socket = { authorization: 'Bearer hunter2', buffer: Buffer.alloc(2000) };
  return Object.assign(new Error(message), { code: 'E_FOREIGN', config: socket, request: socket }, more);
}

describe('an error that is printed', () => {
  const error = new NotFoundError('Fetching app failed', { ...details, status: 404, hint: 'Push it first.' });

  it('says its message with the hint, and each field that says something', () => {
    const [first, ...lines] = inspect(error).split('\n');
    expect(first).toBe('NotFoundError: Fetching app failed. Push it first.');
    const fields = lines.filter((line) => !/^ +at /.test(line));
    expect(fields).toEqual(["  code: 'MANIFEST_UNKNOWN',", '  retryable: false,', '  status: 404', '}']);
  });

  it('is an error to whoever prints it, with a stack of its own', () => {
    expect(inspect(error)).toContain('errors.spec.ts');
    expect(inspect([error])).toMatch(/^\[\n {2}NotFoundError: .*\n {6}at /);
  });

  it('shows fields of a subclass', () => {
    class QuotaError extends RegistryError {
      readonly quota = 5;
    }
    expect(inspect(new QuotaError('m', details))).toContain('quota: 5');
  });

  it('cuts long lists, which it has whole', () => {
    const problems = Array.from({ length: 300 }, (_, index) => ({ entry: `entry-${index}`, message: 'is bad' }));
    const invalid = new ValidationError('m', problems);
    expect(inspect(invalid)).toContain("'… and 290 more'");
    expect(inspect(invalid)).not.toContain('entry-10');
    expect(invalid.problems).toHaveLength(300);
  });

  it('makes what a server repeats visible, without its control characters', () => {
    const hostile = new RegistryError('m', { ...details, cause: new Error('\u001b[2Jgone') });
    expect(inspect(hostile)).not.toContain('\u001b');
  });

  it('shows of a cause what it says, and not what hangs on it', () => {
    const shown = inspect(new RegistryError('m', { ...details, cause: foreign('deeper', { errno: -2 }) }));
    expect(shown).toContain('[cause]: Error: deeper');
    expect(shown).toContain("code: 'E_FOREIGN'");
    expect(shown).toContain('errno: -2');
    expect(shown).not.toMatch(/hunter2|config|request|buffer/i);
  });

  it('shows causes whose class computes its fields for its own objects only, as DOMException does', () => {
    class Computed extends Error {
      readonly #kind = 'Abort';
      static {
        const compute = function (this: Computed): string {
          return this.#kind;
        };
        for (const field of ['name', 'reason']) Object.defineProperty(this.prototype, field, { get: compute });
      }
    }
    const cause = Object.defineProperty(new Computed('too late'), 'reason', { value: 'r', enumerable: true });
    const shown = inspect(new RegistryClientError('it broke', { code: 'X', cause }));
    expect(shown).toMatch(/too late[^]*reason: 'r'/);
  });

  it('does not say the frames of a cause again that are its own', () => {
    const fail = (): RegistryError => new RegistryError('m', { ...details, cause: new Error('deeper') });
    const [own = '', caused = ''] = inspect(fail()).split('[cause]');
    expect(own.match(/^ +at /gm)?.length).toBeGreaterThan(1);
    expect(caused.match(/^ +at /gm)).toHaveLength(1);
  });

  it('shows every error that came together, and no endless row of causes', () => {
    const endless = foreign('round');
    endless.cause = endless;
    const together = new AggregateError([new Error('one'), foreign('two', { cause: endless })], '');
    const shown = inspect(new RegistryError('m', { ...details, cause: together }), { depth: Infinity });
    expect(shown).toMatch(/Error: one[^]*Error: two/);
    expect(shown.split('\n').length).toBeLessThan(80);
    expect(shown).not.toContain('hunter2');
  });

  it.each([
    ['a text', 'a text'],
    [{ password: 'hunter2' }, '[object Object]'],
    [null, undefined],
  ])('takes %j for a cause', (cause, shown) => {
    const thrown = new RegistryError('m', { ...details, cause });
    expect(inspect(thrown).includes('cause')).toBe(shown !== undefined);
    expect(inspect(thrown)).not.toContain('hunter2');
    expect(thrown.toJSON().cause).toBe(shown);
  });

  it('shows no fields without a value in the last words of Node either, which ask no error how it wants to look', () => {
    expect(inspect(new RegistryError('m', details), { customInspect: false })).not.toContain('undefined');
  });
});

describe('an error as JSON', () => {
  it('has its name, message, code and all that is known, and the same of its causes, but no stack', () => {
    const inner = new RegistryError('refused', { code: 'DENIED', cause: foreign('deepest') });
    const error = new NotFoundError('m', { ...details, status: 404, errors: [{ code: 'NAME_UNKNOWN' }], cause: inner });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'NotFoundError',
      message: 'm',
      code: 'MANIFEST_UNKNOWN',
      retryable: false,
      status: 404,
      errors: [{ code: 'NAME_UNKNOWN' }],
      cause: {
        name: 'RegistryError',
        message: 'refused',
        code: 'DENIED',
        cause: { name: 'Error', message: 'deepest', code: 'E_FOREIGN' },
      },
    });
  });

  it('has every problem of an archive, the digests of a mismatch, and the end of a limit', () => {
    expect(new ValidationError('m', [{ entry: 'a', message: 'b' }]).toJSON()).toMatchObject({
      problems: [{ entry: 'a' }],
    });
    const mismatch = new DigestMismatchError('m', { expected: 'sha256:a', actual: 'sha256:b' });
    expect(mismatch.toJSON()).toMatchObject({ expected: 'sha256:a', actual: 'sha256:b' });
    const limit = new RateLimitError('m', { ...details, resetAt: new Date(0) });
    expect(JSON.stringify(limit)).toContain('"resetAt":"1970-01-01T00:00:00.000Z"');
  });

  it('has the parts of what came together', () => {
    const error = new RegistryError('m', { ...details, cause: new AggregateError([new Error('one')], 'all') });
    expect(error.toJSON().cause).toEqual({
      name: 'AggregateError',
      message: 'all',
      errors: [{ name: 'Error', message: 'one' }],
    });
  });
});
