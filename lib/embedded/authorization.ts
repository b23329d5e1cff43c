import { createHash, timingSafeEqual } from 'node:crypto';
import { InvalidArgumentError } from '../errors.js';
import type { RegistryRequest, RegistryResponse } from './message.js';
import { errorResponse, Refusal } from './registry-error.js';
import { seal } from './seal.js';

/** A user the registry knows. */
export interface RegistryCredentials {
  /** Not empty, and without a colon, which Basic cannot carry. */
  username: string;
  /** Compared in constant time. */
  password: string;
}

/** @throws InvalidArgumentError for what Basic cannot carry: a name with a colon in it, or none. Source: RFC 7617, section 2. */
export function checkCredentials({ username, password }: RegistryCredentials): RegistryCredentials {
  if (typeof username === 'string' && typeof password === 'string' && username !== '' && !username.includes(':')) {
    return { username, password };
  }
  throw new InvalidArgumentError('the credentials of the registry need a username without a colon, and a password');
}

/** User and password of an `Authorization: Basic …` header; undefined when it is none. Source: RFC 7617, section 2. */
export function basicCredentials(header: string | undefined): RegistryCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? '')?.[1];
  const pair = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** Takes as long for a nearly right password as for a wrong one. */
export function isSameUser(known: RegistryCredentials, given: RegistryCredentials): boolean {
  const sameName = isSameText(known.username, given.username);
  const samePassword = isSameText(known.password, given.password);
  return sameName && samePassword;
}

/** A 401 with a challenge. Source: distribution-spec v1.1, "Error Codes"; RFC 9110 section 11.6.1. */
export function unauthorized(request: RegistryRequest, challenge: string, message: string): RegistryResponse {
  const headers = { 'www-authenticate': challenge };
  return seal(request, errorResponse(new Refusal('UNAUTHORIZED', message, { status: 401, headers })));
}

function isSameText(known: string, given: string): boolean {
  const [a, b] = [known, given].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
