import type { Io } from '../io.js';
import type { Style } from '../style.js';
import { frameOf, inkFor } from './frame.js';
import type { LiveLines } from './live-lines.js';
import { doneLine, lineOf } from './plain-view.js';
import { Tally } from './tally.js';
import type { Transfer, TransferEvent, TransferView } from './transfer-event.js';
import { reachedBy } from './words.js';

/** Draws a transfer on a terminal. Nothing is drawn, and no code for it loaded, before bytes move. */
export class BarsView implements TransferView {
  private readonly tally = new Tally();
  private live: LiveLines | undefined;
  private state: 'waiting' | 'drawing' | 'ended' = 'waiting';

  constructor(
    private readonly transfer: Transfer,
    private readonly io: Pick<Io, 'stderr' | 'screen' | 'env'>,
    private readonly style: Style,
  ) {}

  report(event: TransferEvent): void {
    this.tally.add(event);
    switch (event.state) {
      case 'progress':
        if (this.state === 'waiting') void this.draw();
        return;
      case 'warning':
      case 'retry':
      case 'tagged':
        return this.tell(lineOf(event, this.style));
    }
  }

  end(succeeded: boolean): void {
    const wasDrawn = this.live !== undefined;
    this.live?.stop();
    this.live = undefined;
    this.state = 'ended';
    if (succeeded) this.tell(doneLine(this.tally, this.style));
    else if (wasDrawn) this.tell(`not done: ${reachedBy(this.tally)}`);
  }

  private tell(line: string): void {
    if (this.live) this.live.pass(line);
    else this.io.stderr(`${line}\n`);
  }

  private async draw(): Promise<void> {
    this.state = 'drawing';
    const { LiveLines } = await import('./live-lines.js');
    if (this.isEnded()) return;
    const { screen, env, stderr } = this.io;
    const ink = inkFor(env);
    this.live = new LiveLines(stderr, screen, () => frameOf(this.transfer, this.tally, screen, ink, this.style));
  }

  /** It may have ended while code was loaded. */
  private isEnded(): boolean {
    return this.state === 'ended';
  }
}
