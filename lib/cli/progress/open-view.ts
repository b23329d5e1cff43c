import { InvalidArgumentError } from '../../index.js';
import type { TransferFlags } from '../flags.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { PlainView } from './plain-view.js';
import type { Transfer, TransferEvent, TransferView } from './transfer-event.js';

/** Hears what a transfer does; undefined where nobody wants to know. */
export type Report = ((event: TransferEvent) => void) | undefined;

type ShownFlags = Pick<TransferFlags, 'progress' | 'quiet'>;

/** Runs a transfer while it is shown. What was drawn for that is gone when this is over, however it ends. */
export async function withView<T>(
  transfer: Transfer,
  flags: ShownFlags,
  io: Io,
  run: (report: Report) => Promise<T>,
): Promise<T> {
  const view = await openView(transfer, flags, io);
  let succeeded = false;
  try {
    const result = await run(view && ((event) => view.report(event)));
    succeeded = true;
    return result;
  } finally {
    view?.end(succeeded);
  }
}

async function openView(transfer: Transfer, flags: ShownFlags, io: Io): Promise<TransferView | undefined> {
  const style = styleFor(io.screen, io.env);
  switch (kindOf(flags, io)) {
    case 'none':
      return undefined;
    case 'json':
      return new (await import('./json-view.js')).JsonView(transfer, io.stderr);
    case 'bars':
      return new (await import('./bars-view.js')).BarsView(transfer, io, style);
    case 'plain':
      return new PlainView(transfer, (line) => io.stderr(`${line}\n`), style);
  }
}

/** @throws InvalidArgumentError when bars are asked for, but there is nothing to draw them on */
function kindOf({ progress, quiet }: ShownFlags, { screen, env }: Io): 'bars' | 'plain' | 'json' | 'none' {
  if (quiet) return 'none';
  if (progress === 'bars' && !screen.isTTY) {
    throw new InvalidArgumentError('--progress bars needs a terminal, and standard error is none', {
      hint: 'Take --progress plain, or auto, which chooses.',
    });
  }
  if (progress !== 'auto') return progress;
  return screen.isTTY && env.TERM !== 'dumb' && !isCi(env) ? 'bars' : 'plain';
}

/** GitHub, GitLab and most others set it; some logs are terminals that keep every line. */
function isCi({ CI }: Io['env']): boolean {
  return CI !== undefined && !['', '0', 'false'].includes(CI);
}
