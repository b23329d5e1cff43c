import cliProgress, { type SingleBar } from 'cli-progress';
import { Writable } from 'node:stream';
import type { Screen } from '../io.js';

/** Frames per second. */
const FPS = 10;

const CLEAR_DOWN = '\u001b[J';

function up(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A` : '';
}

/**
 * Lines at the bottom of a terminal that are drawn again and again, while others pass above them. The cursor is never hidden, and
 * between two frames it stands at the start of the line below: whatever ends this process leaves a terminal in order.
 */
export class LiveLines {
  private readonly bars: SingleBar[] = [];
  private readonly multiBar: InstanceType<typeof cliProgress.MultiBar>;
  private passing = '';
  /** What is being drawn. A frame is written at once, so that it does not flicker. */
  private frame = '';
  /** Widths of the lines on the screen. */
  private drawn: number[] = [];
  private drawnAt = 0;

  /** @param lines - those to be shown now, each narrower than the screen */
  constructor(
    private readonly write: (text: string) => void,
    private readonly screen: Screen,
    private readonly lines: () => string[],
  ) {
    this.multiBar = new cliProgress.MultiBar({
      fps: FPS,
      stream: this.outlet(),
      format: (_options, _params, { text }: { text: string }) => text,
      // Lines that passed have moved those below them.
      forceRedraw: true,
      clearOnComplete: true,
      hideCursor: false,
      // Anything else switches off the wrapping of lines until it stops.
      linewrap: true,
      // Its own would end on a signal, while the work is still ending in order.
      gracefulExit: false,
    });
    this.multiBar.on('update-pre', () => this.undoWrapping());
    this.multiBar.on('redraw-pre', () => this.prepare());
    this.multiBar.on('redraw-post', () => this.show());
    this.addBar();
    this.multiBar.update();
  }

  /** Passes above the others. */
  pass(line: string): void {
    this.passing += `${line}\n`;
  }

  /** Clears the lines; what was to pass stays. */
  stop(): void {
    this.undoWrapping();
    this.multiBar.stop();
    this.write(this.frame + this.passing);
    this.frame = this.passing = '';
  }

  /** It cuts lines at the width it is told, and would cut colours in two. Its own log loses what comes last. */
  private outlet(): Writable {
    const write = (text: string, _: unknown, done: () => void): void => {
      this.frame += text;
      done();
    };
    return Object.assign(new Writable({ decodeStrings: false, write }), { isTTY: true, columns: Infinity });
  }

  /** Up to the last line of the frame before; higher where a terminal that became narrower has wrapped lines. */
  private undoWrapping(): void {
    const columns = this.screen.columns ?? Infinity;
    const isNarrower = columns < this.drawnAt;
    const wrapped = isNarrower ? this.drawn.map((width) => Math.max(0, Math.ceil(width / columns) - 1)) : [];
    if (this.drawn.length > 0) this.frame += up(1 + wrapped.reduce((sum, more) => sum + more, 0));
  }

  private prepare(): void {
    this.frame += CLEAR_DOWN + this.passing;
    this.passing = '';
    const lines = this.lines();
    while (this.bars.length < lines.length) this.addBar();
    this.bars.forEach((bar, i) => bar.update({ text: lines[i] ?? '' }));
    this.drawn = this.bars.map((_, i) => visible(lines[i] ?? ''));
    this.drawnAt = this.screen.columns ?? Infinity;
  }

  private addBar(): void {
    this.bars.push(this.multiBar.create(0, 0, { text: '' }));
  }

  private show(): void {
    this.write(`${this.frame}\n`);
    this.frame = '';
  }
}

/** Without what colours it. */
function visible(line: string): number {
  // eslint-disable-next-line no-control-regex -- that is how they begin
  return line.replace(/\u001b\[[\d;]*m/g, '').length;
}
