import { formatBytes } from '../format.js';
import type { Tally } from './tally.js';
import type { Outcome, Transfer } from './transfer-event.js';

export const DOING: Readonly<Record<Transfer, string>> = { push: 'pushing', pull: 'pulling', copy: 'copying' };

/** In the order in which they are listed. */
export const OUTCOMES: Readonly<Record<Outcome, string>> = {
  uploaded: 'uploaded',
  pulled: 'pulled',
  mounted: 'mounted',
  exists: 'already there',
};

export function formatRate(perSecond: number): string {
  return `${formatBytes(Math.round(perSecond))}/s`;
}

/** `0:07`, `12:30`, `1:02:03`. */
export function formatClock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const parts = hours > 0 ? [hours, pad(minutes), pad(whole % 60)] : [minutes, pad(whole % 60)];
  return parts.join(':');
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export function percent(moved: number, bytes: number): number {
  return bytes === 0 ? 100 : Math.min(100, Math.floor((moved / bytes) * 100));
}

/** `2 uploaded, 1 already there`. */
export function outcomesOf(tally: Tally): string[] {
  return (Object.entries(OUTCOMES) as [Outcome, string][]).flatMap(([outcome, word]) => {
    const count = tally.count(outcome);
    return count === 0 ? [] : [`${count} ${word}`];
  });
}

/** What a transfer has come to when it is over: `2 uploaded, 1 already there; 1.2 GB in 34 s (35.1 MB/s)`. */
export function summaryOf(tally: Tally): string {
  const { passed, elapsed, retries } = tally;
  const counts = [...outcomesOf(tally), ...retriesOf(retries)].join(', ') || 'no blobs';
  if (passed.bytes === 0) return `${counts}, in ${formatDuration(elapsed)}`;
  const speed = formatRate((passed.bytes / Math.max(1, elapsed)) * 1000);
  const [moved, onNetwork] = [formatBytes(passed.bytes), formatBytes(passed.sent)];
  const sent = moved === onNetwork ? '' : `, ${onNetwork} on the network`;
  return `${counts}; ${moved} in ${formatDuration(elapsed)} (${speed}${sent})`;
}

export function retriesOf(retries: number): string[] {
  return retries === 0 ? [] : [`${retries} ${retries === 1 ? 'retry' : 'retries'}`];
}

/** How far a transfer came that did not end well: `3 of 12 blobs, 512.0 MB of 1.2 GB`. */
export function reachedBy({ ended, blobs, moved, planned }: Tally): string {
  return `${doneBlobs(ended, blobs)}, ${formatBytes(moved)}${planned ? ` of ${formatBytes(planned.bytes)}` : ''}`;
}

/** `3 of 12 blobs`, or `3 blobs` where nobody knows of how many. */
export function doneBlobs(ended: number, all: number | undefined): string {
  return `${ended}${all === undefined ? '' : ` of ${all}`} blob${(all ?? ended) === 1 ? '' : 's'}`;
}
