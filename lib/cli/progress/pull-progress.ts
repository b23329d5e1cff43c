import type { PullEvent } from '../../index.js';
import type { TransferEvent } from './transfer-event.js';

/** What a pull says, as every transfer says it. */
export function ofPull(event: PullEvent): TransferEvent {
  if (event.state === 'planned') return event;
  const { digest, size } = event.descriptor;
  const blob = { id: digest, name: digest, size };
  switch (event.state) {
    case 'started':
    case 'retry':
      return { state: event.state, blob };
    case 'progress':
      return { state: 'progress', blob, bytes: event.received };
    case 'fetched':
      return { state: 'pulled', blob, digest, stored: size };
  }
}
