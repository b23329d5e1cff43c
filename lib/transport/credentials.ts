import { InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';

/** A user name and a password, or a token in its place. Source: RFC 7617. */
export interface BasicCredentials {
  /** Not empty, and without a colon, which Basic cannot carry. */
  username: string;
  /** Or the token that stands for it, such as a personal access token. */
  password: string;
}

/** An OAuth2 refresh token: `identitytoken` in Docker's config.json, the secret of a helper's user `<token>`. */
export interface IdentityTokenCredentials {
  /** Sent to the token server only, never to the registry. */
  identityToken: string;
}

/** A bearer token that somebody else got; sent as it is, never renewed. */
export interface RegistryTokenCredentials {
  /** Without the word `Bearer`. */
  registryToken: string;
}

/** Who we are for a registry. */
export type Credentials = BasicCredentials | IdentityTokenCredentials | RegistryTokenCredentials;

/**
 * Finds the credentials of one registry.
 * @param registry - `host[:port]`, without the port when it is the scheme's own
 * @param signal - ends the waiting
 * @param refused - what it found before, the very object, and the registry takes no more: whoever remembers must look again
 * @returns undefined for a registry to be used anonymously
 */
export type CredentialsProvider = (
  registry: string,
  signal?: AbortSignal,
  refused?: Credentials,
) => Promise<Credentials | undefined>;

/** Takes what a user gives: a provider, the credentials themselves, or nothing for anonymous. Checks fixed ones at once. */
export function toCredentialsProvider(given: Credentials | CredentialsProvider | undefined): CredentialsProvider {
  if (typeof given === 'function') return given;
  const credentials = given === undefined ? undefined : normaliseCredentials(given, 'the credentials');
  return () => Promise.resolve(credentials);
}

/**
 * A copy with the known fields only. An identity token may come with a username and a password, to be used where the token
 * server takes no refresh tokens.
 * @param source - named in the error, for example `the credentials`
 * @throws InvalidArgumentError when a field is missing or could not be sent; the text never quotes a value.
 */
export function normaliseCredentials(value: unknown, source: string): Credentials {
  if (!isJsonObject(value)) throw unusable(source, 'are not an object');
  if (value.registryToken !== undefined) return { registryToken: token(value.registryToken, 'registryToken', source) };
  const basic = value.username === undefined && value.password === undefined ? undefined : basicOf(value, source);
  if (value.identityToken !== undefined) {
    return { ...basic, identityToken: token(value.identityToken, 'identityToken', source) };
  }
  if (!basic) throw unusable(source, 'hold neither username and password nor a token');
  return basic;
}

/** The `Authorization` value for username and password; undefined for credentials without them. Source: RFC 7617. */
export function basicAuthorization(credentials: Credentials | undefined): string | undefined {
  if (!credentials || !('username' in credentials)) return undefined;
  return `Basic ${base64(credentials)}`;
}

/** A user or a password as it stands before the `@` of an address. A `%` that was meant as itself stays. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Replaces every secret of the credentials, in case a server repeats it in an error text. */
export function concealSecrets(text: string, credentials: Credentials | undefined): string {
  const secrets = credentials === undefined ? [] : secretsOf(credentials);
  return secrets.reduce((shown, secret) => (secret === '' ? shown : shown.replaceAll(secret, 'REDACTED')), text);
}

function secretsOf(credentials: Credentials): string[] {
  if ('registryToken' in credentials) return [credentials.registryToken];
  return [
    ...('identityToken' in credentials ? [credentials.identityToken] : []),
    ...('username' in credentials ? [base64(credentials), credentials.password] : []),
  ];
}

function base64({ username, password }: BasicCredentials): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

// A colon would move into the password: RFC 7617 §2.
function basicOf(value: Readonly<Record<string, unknown>>, source: string): BasicCredentials {
  const username = text(value.username, 'username', source);
  const password = passwordOf(value.password, source);
  if (username === '') throw unusable(source, 'have an empty username');
  if (username.includes(':')) throw unusable(source, 'have a colon in the username');
  return { username, password };
}

/**
 * RFC 7617 §2 allows no control characters, but Google's `_json_key` is a whole file with its line breaks, which base64 carries
 * like any other byte (cloud.google.com/artifact-registry/docs/docker/authentication). A break at the end alone was not meant.
 */
function passwordOf(value: unknown, source: string): string {
  const isText = typeof value === 'string' && /[\t\r\n]/.test(value.replace(/[\r\n]+$/, ''));
  text(isText ? value.replace(/[\t\r\n]/g, '') : value, 'password', source);
  return value as string;
}

function text(value: unknown, field: string, source: string): string {
  if (typeof value !== 'string') throw unusable(source, `have no ${field}`);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(value)) {
    throw unusable(
      source,
      `have a control character in the ${field}`,
      'A secret read from a file often ends in a newline.',
    );
  }
  return value;
}

function token(value: unknown, field: string, source: string): string {
  const checked = text(value, field, source);
  if (!/^[\x21-\x7e]+$/.test(checked)) throw unusable(source, `have no usable ${field}`);
  return checked;
}

function unusable(source: string, problem: string, hint?: string): InvalidArgumentError {
  return new InvalidArgumentError(`${source} ${problem}`, { code: 'CREDENTIALS_INVALID', hint });
}
