import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from '../../lib/errors.js';
import {
  basicAuthorization,
  concealSecrets,
  type Credentials,
  normaliseCredentials,
  toCredentialsProvider,
} from '../../lib/transport/credentials.js';

const normalise = (value: unknown) => normaliseCredentials(value, 'the credentials');

describe('normaliseCredentials', () => {
  it('keeps the known fields only', () => {
    expect(normalise({ username: 'u', password: 'p:q', email: 'x' })).toEqual({ username: 'u', password: 'p:q' });
    expect(normalise({ registryToken: 't', username: 'u', password: 'p' })).toEqual({ registryToken: 't' });
  });

  it('keeps username and password with an identity token', () => {
    expect(normalise({ identityToken: 'i' })).toEqual({ identityToken: 'i' });
    expect(normalise({ identityToken: 'i', username: 'u', password: '' })).toEqual({
      identityToken: 'i',
      username: 'u',
      password: '',
    });
  });

  it.each([
    ['a key file of Google', '{\n  "type": "service_account",\n  "private_key": "-----BEGIN"\n}\n'],
    ['line breaks of Windows and tabs', '{\r\n\t"type": 1\r\n}'],
  ])('keeps the line breaks in %s, which is the password of _json_key', (_, password) => {
    const credentials = { username: '_json_key', password };
    expect(normalise(credentials)).toEqual(credentials);
    const [, encoded = ''] = basicAuthorization(credentials)?.split(' ') ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe(`_json_key:${password}`);
  });

  it.each([
    ['text', 'hunter2', /are not an object/],
    ['null', null, /are not an object/],
    ['nothing in it', {}, /neither username and password nor a token/],
    ['no password', { username: 'u' }, /have no password/],
    ['no username', { password: 'hunter2' }, /have no username/],
    ['a password that is a number', { username: 'u', password: 1 }, /have no password/],
    ['an empty username', { username: '', password: 'hunter2' }, /empty username/],
    ['a colon in the username', { username: 'u:hunter2', password: 'p' }, /colon in the username/],
    ['a newline behind the password', { username: 'u', password: 'hunter2\n' }, /control character in the password/],
    ['a NUL in the password', { username: 'u', password: 'hun\nter2\0' }, /control character in the password/],
    ['an escape in the password', { username: 'u', password: '\n\u001bhunter2' }, /control character in the password/],
    ['a newline in the username', { username: 'u\r\nx: hunter2', password: 'p' }, /control character in the username/],
    ['an empty identity token', { identityToken: '' }, /no usable identityToken/],
    [
      'a line break in a registry token',
      { registryToken: 'hunter2\r\nx: y' },
      /control character in the registryToken/,
    ],
    ['a space in a registry token', { registryToken: 'hun ter2' }, /no usable registryToken/],
    ['a registry token that is an object', { registryToken: {} }, /have no registryToken/],
  ])('refuses %s without quoting it', (_, value, message) => {
    expect(() => normalise(value)).toThrow(InvalidArgumentError);
    expect(() => normalise(value)).toThrow(message);
    expect(() => normalise(value)).not.toThrow(/hun ?ter2/);
  });

  it('hints at the usual reason for a newline', () => {
    expect(() => normalise({ username: 'u', password: 'p\n' })).toThrow(/often ends in a newline/);
  });
});

describe('toCredentialsProvider', () => {
  it('takes a provider as it is', () => {
    const provider = () => Promise.resolve(undefined);
    expect(toCredentialsProvider(provider)).toBe(provider);
  });

  it('provides fixed credentials, or none', async () => {
    await expect(toCredentialsProvider({ username: 'u', password: 'p' })('r')).resolves.toEqual({
      username: 'u',
      password: 'p',
    });
    await expect(toCredentialsProvider(undefined)('r')).resolves.toBeUndefined();
  });

  it('refuses unusable ones at once', () => {
    expect(() => toCredentialsProvider({ username: 'u' } as Credentials)).toThrow(InvalidArgumentError);
  });
});

describe('basicAuthorization', () => {
  it('is the base64 of username and password in UTF-8', () => {
    expect(basicAuthorization({ username: 'jörg', password: 'a:b' })).toBe(
      `Basic ${Buffer.from('jörg:a:b', 'utf8').toString('base64')}`,
    );
  });

  it('is undefined without username and password', () => {
    expect(basicAuthorization(undefined)).toBeUndefined();
    expect(basicAuthorization({ identityToken: 'i' })).toBeUndefined();
    expect(basicAuthorization({ registryToken: 't' })).toBeUndefined();
  });
});

describe('concealSecrets', () => {
  it('replaces passwords, tokens and the encoded pair', () => {
    const basic = { username: 'u', password: 'p.*w' };
    const encoded = Buffer.from('u:p.*w').toString('base64');
    expect(concealSecrets(`u p.*w ${encoded} pxw`, basic)).toBe('u REDACTED REDACTED pxw');
    expect(concealSecrets('say refresh', { identityToken: 'refresh' })).toBe('say REDACTED');
    expect(concealSecrets('say bearer', { registryToken: 'bearer' })).toBe('say REDACTED');
  });

  it('leaves the text alone when there is nothing to hide', () => {
    expect(concealSecrets('text', undefined)).toBe('text');
    expect(concealSecrets('text', { username: 'u', password: '' })).toBe('text');
  });
});
