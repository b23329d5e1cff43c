import type { PushEvent } from '../../index.js';
import type { MovedBlob, TransferEvent } from './transfer-event.js';

/** What a push says, as every transfer says it. */
export function ofPush(event: PushEvent): TransferEvent {
  switch (event.state) {
    case 'planned':
    case 'warning':
    case 'tagged':
      return event;
    case 'started':
    case 'retry':
      return { state: event.state, blob: moved(event.blob) };
    case 'progress':
      return { state: 'progress', blob: moved(event.blob), bytes: event.read, sent: event.sent };
    default: {
      const { state, repository, descriptor } = event;
      return { state, blob: moved(event.blob), digest: descriptor.digest, stored: descriptor.size, repository };
    }
  }
}

function moved(blob: Extract<PushEvent, { state: 'started' }>['blob']): MovedBlob {
  return { id: blob, name: blob.entry, size: blob.size };
}
