import type { CopyEvent } from '../../index.js';
import type { TransferEvent } from './transfer-event.js';

/** What a copy says, as every transfer says it. */
export function ofCopy(event: CopyEvent): TransferEvent {
  if (event.state === 'planned' || event.state === 'tagged') return event;
  const { digest, size } = event.descriptor;
  const blob = { id: digest, name: digest, size };
  if (event.state === 'progress') return { state: 'progress', blob, bytes: event.sent };
  return { state: event.state, blob, digest, stored: size };
}
