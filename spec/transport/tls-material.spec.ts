import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { secureContextOf } from '../../lib/transport/tls-material.js';
import { tlsFile } from '../support/tls-front.js';

/** Whether a context trusts who signed a certificate: it looks for the issuer among those. */
function knowsIssuerOf(certificate: string, { context }: SecureContext): boolean {
  const inner = context as { setCert(pem: string): void; getIssuer(): Buffer | null };
  inner.setCert(certificate);
  return Boolean(inner.getIssuer()?.length);
}

describe('secureContextOf', () => {
  const [ca, server] = ['ca.pem', 'server.pem'].map((name) => readFileSync(tlsFile(name), 'utf8'));
  const known = rootCertificates[0] as string;

  it('trusts an authority besides those of Node, not in place of them', () => {
    expect(knowsIssuerOf(server as string, secureContextOf({ ca: [ca as string] }))).toBe(true);
    expect(knowsIssuerOf(known, secureContextOf({ ca: [ca as string] }))).toBe(true);
    expect(knowsIssuerOf(known, createSecureContext({ ca: ca as string }))).toBe(false);
  });

  it('trusts no private authority by itself', () => {
    expect(knowsIssuerOf(server as string, secureContextOf({ ca: [] }))).toBe(false);
  });
});
