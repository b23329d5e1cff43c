import { goesWhole } from '../services/chunk-size.js';

/** How many requests something takes, between two bounds where the registry decides. */
export class RequestCount {
  atLeast = 0;
  atMost = 0;

  add(least: number, most = least): void {
    this.atLeast += least;
    this.atMost += most;
  }
}

/** With the digest in the last request, or after chunks. */
export function countWhole(requests: RequestCount, bytes: number, chunkSize: number | undefined): void {
  requests.add(goesWhole(bytes, chunkSize) ? 1 : chunksOf(bytes, chunkSize) + 1);
}

/** @param bytes - before they are packed, which makes them a few more at most */
export function countStream(requests: RequestCount, bytes: number, chunkSize: number | undefined): void {
  requests.add(2, 1 + Math.max(1, chunksOf(bytes + bytes / 1000 + 1000, chunkSize)));
}

function chunksOf(bytes: number, chunkSize = Infinity): number {
  return Math.ceil(bytes / chunkSize);
}
