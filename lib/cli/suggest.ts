import { type Argument, InvalidArgumentError, type Option } from 'commander';

/** Characters that may be wrong before a word is another one. */
const FARTHEST = 2;

/** An option or argument with fixed choices that says which one was most likely meant, as commander does for names only. */
export function oneOf<T extends Option | Argument>(item: T, ...choices: readonly string[]): T {
  item.choices(choices).argParser((value: string) => {
    if (choices.includes(value)) return value;
    throw new InvalidArgumentError(`${choicesText(choices)}${meant(value, choices)}`);
  });
  return item;
}

function choicesText(choices: readonly string[]): string {
  return `Allowed choices are ${choices.join(', ')}.`;
}

function meant(value: string, choices: readonly string[]): string {
  const near = nearest(value, choices);
  return near === undefined ? '' : `\n(Did you mean ${near}?)`;
}

/** The word that fewest slips of a finger lead away from; undefined when none is near. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const ranked = words.map((known) => ({ known, slips: distance(word.toLowerCase(), known.toLowerCase()) }));
  const [best] = ranked.sort((a, b) => a.slips - b.slips);
  return best && best.slips <= FARTHEST && best.slips < best.known.length ? best.known : undefined;
}

/** Letters to add, drop or change, and neighbours to swap (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i += 1) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change, swap));
    }
  }
  return at(a.length, b.length);
}
