import { type Argument, InvalidArgumentError, type Option } from 'commander';
import { nearest } from '../nearest.js';

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
  const near = likeliest(value, choices);
  return near === undefined ? '' : `\n(Did you mean ${near}?)`;
}

/** The word that was most likely meant; undefined when none is near. */
export function likeliest(typed: string, words: readonly string[]): string | undefined {
  const best = nearest(typed, words);
  return best && best.slips <= FARTHEST && best.slips < best.word.length ? best.word : undefined;
}
