/** A known word, and how many slips of a finger lead from it to what was typed. */
export interface Near {
  word: string;
  slips: number;
}

/** The known word that fewest slips lead away from, capital letters or not; undefined when none is known. */
export function nearest(typed: string, known: readonly string[]): Near | undefined {
  const ranked = known.map((word) => ({ word, slips: distance(typed.toLowerCase(), word.toLowerCase()) }));
  return ranked.sort((a, b) => a.slips - b.slips)[0];
}

/** Letters to add, drop or change, and neighbours to swap (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? at(before, j - 2) + 1 : Infinity;
      next.push(Math.min(at(row, j) + 1, at(next, j - 1) + 1, change, swap));
    }
    [before, row] = [row, next];
  }
  return at(row, b.length);
}

function at(row: readonly number[], j: number): number {
  return row[j] ?? Infinity;
}
