import type { BlobEnded, MovedBlob, TransferEvent } from '../../../lib/cli/progress/transfer-event.js';

/** A layer whose digest starts with twelve of this digit. */
export function layer(digit: string, size: number): MovedBlob {
  const digest = digit.repeat(64);
  return { id: digest, name: `${digest}/layer.tar`, size };
}

export function planned(blobs: number, bytes: number): TransferEvent {
  return { state: 'planned', blobs, bytes };
}

export function progress(blob: MovedBlob, bytes: number, sent = bytes): TransferEvent {
  return { state: 'progress', blob, bytes, sent };
}

export function ended(state: BlobEnded['state'], blob: MovedBlob): BlobEnded {
  return { state, blob, digest: 'sha256:d', stored: blob.size };
}
