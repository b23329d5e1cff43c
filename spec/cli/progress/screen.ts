import type { Screen } from '../../../lib/cli/io.js';

// eslint-disable-next-line no-control-regex -- that is how they begin
const STEP = /\u001b\[(\d*)([A-Za-z])|\n|\r|[^\u0000-\u001f]/g;

/** The part of a terminal that drawing lines needs. Lines are wrapped, also when it becomes narrower; columns are characters. */
export class TerminalScreen implements Screen {
  readonly isTTY = true;
  readonly rows = 24;
  writes = 0;
  private lines = [''];
  private row = 0;
  private column = 0;

  constructor(public columns = 80) {}

  readonly write = (text: string): void => {
    this.writes++;
    for (const [step, number, letter] of text.matchAll(STEP)) {
      if (letter !== undefined) this.obey(letter, Number(number || '1'));
      else this.type(step);
    }
  };

  get text(): string {
    return this.lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** As most terminals do: lines that are too long go on in the next row, and the cursor stays behind what it was behind. */
  narrow(columns: number): void {
    const rows = this.lines.map((line) => line.trimEnd().match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.row = rows.slice(0, this.row).flat().length;
    this.lines = rows.flat();
    this.columns = columns;
  }

  private type(character: string): void {
    if (character === '\r') this.column = 0;
    else if (character === '\n') this.feed();
    else {
      if (this.column === this.columns) this.feed();
      const line = this.lines[this.row]!.padEnd(this.column);
      this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + 1);
      this.column++;
    }
  }

  private feed(): void {
    this.column = 0;
    if (++this.row === this.lines.length) this.lines.push('');
  }

  private obey(letter: string, number: number): void {
    if (letter === 'A') this.row = Math.max(0, this.row - number);
    else if (letter === 'G') this.column = number - 1;
    else if (letter === 'J' || letter === 'K') this.clear(letter);
    else if (letter !== 'm') throw new Error(`the screen knows no ${letter}`);
  }

  private clear(letter: 'J' | 'K'): void {
    this.lines[this.row] = this.lines[this.row]!.slice(0, this.column);
    if (letter === 'J') this.lines.length = this.row + 1;
  }
}
