import { fstatSync } from 'node:fs';
import type { Io } from './io.js';
import { PipedInput } from './piped-input.js';

const STDIN = 0;

/** Standard input, whatever it is. To be called once: two readers of a pipe would share what comes. */
export function standardInput(): Io['stdin'] {
  return isPipe() ? new PipedInput(STDIN) : process.stdin;
}

function isPipe(): boolean {
  try {
    return fstatSync(STDIN).isFIFO();
  } catch {
    // It may be closed; Node has an empty stream for that.
    return false;
  }
}
