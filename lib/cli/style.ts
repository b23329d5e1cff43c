import { styleText } from 'node:util';

/** What colours a word, or leaves it as it is. */
export interface Style {
  bad(text: string): string;
  warning(text: string): string;
  good(text: string): string;
  /** Less important. */
  faint(text: string): string;
}

const plain = (text: string): string => text;
const PLAIN: Style = { bad: plain, warning: plain, good: plain, faint: plain };

/** Where it goes has been asked already, and standard output is not where this goes. */
const ALWAYS = { validateStream: false };

const COLOURED: Style = {
  bad: (text) => styleText(['bold', 'red'], text, ALWAYS),
  warning: (text) => styleText('yellow', text, ALWAYS),
  good: (text) => styleText('green', text, ALWAYS),
  faint: (text) => styleText('dim', text, ALWAYS),
};

/** For text that is printable already: what is from outside is made so first. */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  return isColoured(stream, env) ? COLOURED : PLAIN;
}

/** As Node does it: FORCE_COLOR before NO_COLOR (no-color.org), and those before what the terminal is. */
function isColoured(
  { isTTY = false }: { readonly isTTY?: boolean },
  { FORCE_COLOR, NO_COLOR, TERM }: Readonly<Record<string, string | undefined>>,
): boolean {
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && TERM !== 'dumb' && isTTY;
}
