import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { RegistryError } from '../../lib/errors.js';
import { networkError, timeoutError } from '../../lib/transport/network-error.js';
import type { TransportRequest } from '../../lib/transport/transport.js';

const request: TransportRequest = {
  method: 'PUT',
  url: new URL('https://user:hunter2@registry.example/upload?state=hunter2&digest=sha256:ab#hunter2'),
  headers: { authorization: 'Bearer hunter2' },
};

function failure(code: string, message = `read ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe('networkError', () => {
  it('says what was sent where, and what became of it', () => {
    const error = networkError(request, failure('ECONNRESET'));
    expect(error).toBeInstanceOf(RegistryError);
    expect(error.message).toBe(
      'PUT https://registry.example/upload?state=REDACTED&digest=sha256:ab got no answer: read ECONNRESET. ' +
        'The connection broke; some registries end it when the repository does not exist.',
    );
    expect(error).toMatchObject({ code: 'ECONNRESET', method: 'PUT', status: undefined, retryable: true });
    expect(networkError(request, failure('ECONNRESET'), 'broke off').message).toContain(' broke off: read ECONNRESET');
  });

  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'EPIPE',
    'ETIMEDOUT',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ERR_STREAM_PREMATURE_CLOSE',
  ])('thinks that %s may pass', (code) => {
    expect(networkError(request, failure(code)).retryable).toBe(true);
  });

  it.each([
    'ENOTFOUND',
    'EPROTO',
    'HPE_INVALID_CONSTANT',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_INVALID_CHAR',
  ])('thinks that %s will not', (code) => {
    expect(networkError(request, failure(code)).retryable).toBe(false);
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPROTO', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED'])(
    'has a hint for %s',
    (code) => {
      expect(networkError(request, failure(code)).hint).toMatch(/[.?]$/);
    },
  );

  it.each(['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'])(
    'knows %s, the name of an older OpenSSL or a newer one',
    (code) => {
      expect(networkError(request, failure(code)).hint).toContain('--cert-file');
    },
  );

  it.each([
    [
      'SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl/record/ssl3_record.c:350:\n',
      'write EPROTO ',
    ],
    ['SSL routines:ssl3_read_bytes:wrong version number:../deps/openssl/rec_layer_s3.c:918:SSL alert number 42\n', ''],
  ])('tells of what OpenSSL says the part that people can read', (noise, before) => {
    const error = networkError(request, failure('EPROTO', `${before}80CCA3A25D7F0000:error:0A00010B:${noise}`));
    expect(error.message).toMatch(new RegExp(`got no answer: ${before}wrong version number\\. `));
    expect((error.cause as Error).message).toBe(`${before}wrong version number`);
  });

  it('finds the error of the system below those of libraries, and keeps only that', () => {
    const wrapped = Object.assign(new Error('Network Error', { cause: failure('EPIPE', 'write EPIPE') }), {
      config: { headers: request.headers },
      request: { headers: request.headers },
    });
    const error = networkError(request, wrapped);
    expect(error.cause).toEqual(failure('EPIPE', 'write EPIPE'));
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
  });

  it('tells the first of several addresses that were tried', () => {
    const tried = [failure('ECONNREFUSED', 'connect ECONNREFUSED ::1:5000'), failure('ECONNREFUSED')];
    const error = networkError(request, Object.assign(new AggregateError(tried, ''), { code: 'ECONNREFUSED' }));
    expect(error.message).toContain('connect ECONNREFUSED ::1:5000');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('makes do with an error that has neither code nor text', () => {
    expect(networkError(request, new Error()).message).toContain('got no answer: CONNECTION_FAILED');
  });

  it('shows no control characters', () => {
    expect(networkError(request, new Error('\u001b[31mred')).message).toContain('\\u001b[31mred');
  });
});

describe('timeoutError', () => {
  it('says how long was waited, and for what', () => {
    const error = timeoutError(request, 60_000, 'sending');
    expect(error.message).toBe(
      'PUT https://registry.example/upload?state=REDACTED&digest=sha256:ab was given up: nothing moved for 60 s while sending. ' +
        'Is the registry reachable from here, through this network and its proxies?',
    );
    expect(error).toMatchObject({ code: 'ETIMEDOUT', retryable: true, status: undefined });
  });
});
