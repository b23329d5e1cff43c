import { InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { nearest } from '../nearest.js';
import { printable } from '../redact.js';
import { normaliseCredentials } from '../transport/credentials.js';
import { parseProxy } from '../transport/proxy.js';
import type { TlsOptions } from '../transport/tls-material.js';
import { MAX_CHUNK, wholeNumber } from '../whole-number.js';
import type { HostOptions } from './host-options.js';

/** @param where - the path of the value, for messages @throws InvalidArgumentError */
type Check = (where: string, value: unknown) => void;

const TLS: Readonly<Record<keyof TlsOptions, Check>> = {
  ca: (where, value) => {
    for (const source of Array.isArray(value) ? value : [value]) pem(where, source);
  },
  cert: pem,
  key: pem,
  passphrase: text,
};

const HOST: Readonly<Record<keyof HostOptions, Check>> = {
  credentials: (where, value) => {
    if (value !== 'anonymous' && typeof value !== 'function') normaliseCredentials(value, where);
  },
  plainHttp: truth,
  insecure: truth,
  tls: (where, value) => checkFields(where, value, TLS),
  proxy: (where, value) => {
    if (value !== false) parseProxy(value instanceof URL ? value : text(where, value), `the option ${where}`);
  },
  headers: checkHeaders,
  mirrors: (where, value) => {
    if (!Array.isArray(value)) throw wrong(where, 'is not a list', 'It takes a list of addresses.');
    value.forEach((mirror, i) => mirror instanceof URL || text(`${where}[${i}]`, mirror));
  },
  concurrency: (where, value) => wholeNumber(where, value as number, 1, 1000),
  requestsPerSecond: (where, value) => {
    if (typeof value === 'number' && value >= LEAST_RATE && value <= MOST_RATE) return;
    throw wrong(where, `is ${shown(value)}`, `It takes a number from ${LEAST_RATE} to ${MOST_RATE}.`);
  },
  chunkSize: (where, value) => wholeNumber(where, value as number, 1, MAX_CHUNK),
};

const LEAST_RATE = 0.01;
const MOST_RATE = 10_000;

/** What every server is sent by this package itself, or what decides where a message ends. Credentials have an option of their own. */
const OWN_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-range',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws InvalidArgumentError naming the field that is unknown, with the one that may be meant, or has a wrong value */
export function checkHostOptions(where: string, value: unknown): asserts value is HostOptions {
  checkFields(where, value, HOST);
}

/** Those fields of a client's own options that hosts have, too. */
export function checkOwnOptions(options: HostOptions): void {
  for (const field of [
    'tls',
    'proxy',
    'headers',
    'mirrors',
    'requestsPerSecond',
    'chunkSize',
    'concurrency',
  ] as const) {
    if (options[field] !== undefined) HOST[field](field, options[field]);
  }
}

/** @throws InvalidArgumentError as above */
export function checkFields(where: string, value: unknown, checks: Readonly<Record<string, Check>>): void {
  if (!isJsonObject(value)) throw wrong(where, 'is not an object');
  for (const [field, content] of Object.entries(value)) {
    const path = where === '' ? field : `${where}.${field}`;
    if (!Object.hasOwn(checks, field)) throw unknown(path, field, Object.keys(checks));
    if (content !== undefined) checks[field]?.(path, content);
  }
}

function checkHeaders(where: string, value: unknown): void {
  if (!isJsonObject(value)) throw wrong(where, 'is not an object', 'It takes names and their values.');
  for (const [name, content] of Object.entries(value)) {
    const path = `${where}[${JSON.stringify(printable(name, 100))}]`;
    // Source: RFC 9110 §5.1, §5.5.
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw wrong(path, 'is not the name of a header');
    if (OWN_HEADERS.has(name.toLowerCase())) throw wrong(path, 'cannot be set', headerHint(name));
    if (typeof content !== 'string' || !/^[\t\x20-\x7e]*$/.test(content)) {
      throw wrong(path, 'has a value that cannot be sent', 'It takes text of one line, in ASCII.');
    }
  }
}

function headerHint(name: string): string {
  if (/^authorization$/i.test(name)) return 'Use the option credentials.';
  if (/^proxy-authorization$/i.test(name)) return 'Write user and password into the address of the proxy.';
  return 'Every request has its own.';
}

function pem(where: string, value: unknown): void {
  if (value instanceof Uint8Array || (typeof value === 'string' && value !== '')) return;
  throw wrong(where, `is ${shown(value)}`, 'It takes PEM, or the path of a file that holds it.');
}

function text(where: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw wrong(where, 'is not a text');
}

function truth(where: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrong(where, `is ${shown(value)}`, 'It takes true or false.');
}

function unknown(path: string, field: string, known: readonly string[]): InvalidArgumentError {
  const meant = likeliest(field, known);
  return wrong(printable(path, 300), 'is unknown', meant ? `Did you mean ${meant}?` : `Known are ${known.join(', ')}.`);
}

/** The field that was most likely meant; undefined when none is near. */
function likeliest(field: string, known: readonly string[]): string | undefined {
  const best = nearest(field, known);
  const farthest = Math.min(Math.max(2, Math.floor(field.length / 3)), field.length - 1);
  return best && best.slips <= farthest ? best.word : undefined;
}

/** Whatever may be a secret is not shown. */
function shown(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'something else';
}

function wrong(where: string, problem: string, hint?: string): InvalidArgumentError {
  return new InvalidArgumentError(`the option ${where} ${problem}`, { hint });
}
