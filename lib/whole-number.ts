import { InvalidArgumentError } from './errors.js';

/** Node's timers fire at once beyond this many milliseconds. */
export const MAX_TIMER = 2 ** 31 - 1;

/** Bytes. A chunk of an upload is held in memory, whoever asks for larger ones. */
export const MAX_CHUNK = 64 * 1024 * 1024;

/** @throws InvalidArgumentError naming the option, unless it is a whole number within the bounds */
export function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`the option ${name} is ${String(value)}`, {
    hint: `It takes a whole number from ${least} to ${most}.`,
  });
}
