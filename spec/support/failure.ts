import { expect } from '@jest/globals';
import { inspect } from 'node:util';
import { RegistryClientError } from '../../lib/errors.js';

/** The one that these specs use, as it is and in base64. */
const PASSWORD = /hunter2|aHVudGVyMg/;

/** The error that work ends with, which must be one of ours and show no password anywhere. */
export async function failureOf(work: Promise<unknown>): Promise<RegistryClientError> {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RegistryClientError);
  expect(inspect(error, { depth: 9 })).not.toMatch(PASSWORD);
  return error as RegistryClientError;
}
