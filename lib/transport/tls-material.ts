import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';
import { readUpTo } from './small-file.js';

/** PEM itself (a text with `-----BEGIN …-----` in it, or its bytes), or the path of a file that holds it. */
export type PemSource = string | Uint8Array;

/** Whom we trust beyond the well-known authorities, and who we are, over TLS. */
export interface TlsOptions {
  /** Certificates of authorities to trust, besides those that Node trusts anyway. Default: none. */
  ca?: PemSource | readonly PemSource[];
  /** Our own certificate, for servers that ask for one, followed by those between it and its authority. Default: none. */
  cert?: PemSource;
  /** The private key of `cert`; the two come together. */
  key?: PemSource;
  /** Opens `key` where that is encrypted. */
  passphrase?: string;
}

/** {@link TlsOptions}, read and checked: everything is PEM. */
export interface TlsMaterial {
  /** Certificates in PEM, one each; empty for none besides those that Node trusts. */
  readonly ca: readonly string[];
  /** Who we are to servers that ask; absent for nobody. */
  readonly identity?:
    | {
        /** PEM: our own certificate, then those between it and its authority. */
        readonly cert: string;
        /** PEM, without a passphrase. */
        readonly key: string;
      }
    | undefined;
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END [A-Z0-9 ]*CERTIFICATE-----/g;

/** Bytes; a bundle of all authorities there are has a fifth of it. */
const MAX_FILE = 1024 * 1024;

/** Whether a text is PEM itself; any other is the path of a file. */
export function isPem(source: string): boolean {
  return source.includes('-----BEGIN');
}

/**
 * Reads the files and checks what is in them.
 * @param name - of the option, for messages: `the option tls`
 * @throws InvalidArgumentError naming the file that is not there, holds something else, or does not fit the other
 */
export function readTls(options: TlsOptions, name: string): TlsMaterial {
  const { ca = [], cert, key, passphrase } = options;
  const sources = isOne(ca) ? [ca] : ca;
  const authorities = sources.flatMap((source) => certificatesIn(source, `${name}.ca`));
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw invalid(`${name}.${there} is given without ${name}.${missing}`, 'A certificate and its key come together.');
  }
  if (cert === undefined || key === undefined) return { ca: authorities };
  return { ca: authorities, identity: identityOf(cert, { source: key, passphrase }, name) };
}

/**
 * What connections are made with. The authorities that Node trusts anyway stay trusted, as docker and Go's clients have it.
 * `addCACert` is not in Node's manual, but as old as its TLS; the option `ca` would replace them all, and to name them all again
 * takes 70 ms.
 */
export function secureContextOf({ ca, identity }: TlsMaterial): SecureContext {
  const secure = createSecureContext(identity);
  const context = secure.context as { addCACert(pem: string): void };
  for (const authority of ca.length > 0 ? [...extraCertificates(), ...ca] : []) context.addCACert(authority);
  return secure;
}

/** Node 20 forgets them as soon as it is given another one. It warns of a file that it cannot read, and goes on. */
function extraCertificates(): string[] {
  const path = process.env.NODE_EXTRA_CA_CERTS;
  try {
    return (path && readFileSync(path, 'latin1').match(CERTIFICATE)) || [];
  } catch {
    return [];
  }
}

function isOne(ca: PemSource | readonly PemSource[]): ca is PemSource {
  return typeof ca === 'string' || ca instanceof Uint8Array;
}

function identityOf(
  cert: PemSource,
  { source, passphrase }: { source: PemSource; passphrase: string | undefined },
  name: string,
): { cert: string; key: string } {
  const certificates = certificatesIn(cert, `${name}.cert`);
  const key = privateKeyIn(source, passphrase, `${name}.key`);
  if (!new X509Certificate(certificates[0] as string).checkPrivateKey(key)) {
    throw invalid(
      `${placeOf(source, `${name}.key`)} is not the key of ${placeOf(cert, `${name}.cert`)}`,
      'The certificate of the client comes first in its file, before those of authorities.',
    );
  }
  return { cert: certificates.join('\n'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function certificatesIn(source: PemSource, name: string): string[] {
  const place = placeOf(source, name);
  const certificates = textOf(source, name).match(CERTIFICATE) ?? [];
  if (certificates.length === 0) {
    const hint = 'A file in the binary form (DER) is turned into PEM by: openssl x509 -inform der -in FILE -out ca.pem';
    throw invalid(`${place} holds no certificate in PEM`, hint);
  }
  for (const certificate of certificates) {
    if (!isCertificate(certificate)) throw invalid(`${place} holds a certificate that is damaged`);
  }
  return certificates;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem) instanceof X509Certificate;
  } catch {
    return false;
  }
}

// Without a cause: what the parser says may quote the key.
function privateKeyIn(source: PemSource, passphrase: string | undefined, name: string): KeyObject {
  const place = placeOf(source, name);
  const key = textOf(source, name);
  if (!key.includes('PRIVATE KEY-----')) throw invalid(`${place} holds no private key in PEM`);
  try {
    return createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    if (!/ENCRYPTED/.test(key)) throw invalid(`${place} holds a private key that cannot be read`);
    const problem = passphrase === undefined ? 'is encrypted, and there is no passphrase' : 'has another passphrase';
    throw invalid(`${place} ${problem}`);
  }
}

function textOf(source: PemSource, name: string): string {
  if (typeof source !== 'string') return Buffer.from(source).toString('latin1');
  return isPem(source) ? source : readPem(source, name);
}

function readPem(path: string, name: string): string {
  try {
    const bytes = readUpTo(path, MAX_FILE);
    if (bytes) return bytes.toString('latin1');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw invalid(`${placeOf(path, name)} cannot be read: ${code}`);
  }
  throw invalid(`${placeOf(path, name)} is larger than 1 MiB`);
}

/** What is quoted is a path: PEM is too long to show, and may be a key. */
function placeOf(source: PemSource, name: string): string {
  const isPath = typeof source === 'string' && !isPem(source);
  return isPath ? `the file ${printable(source, 300)} (${name})` : name;
}

function invalid(problem: string, hint?: string): InvalidArgumentError {
  return new InvalidArgumentError(problem, { code: 'TLS_INVALID', hint });
}
