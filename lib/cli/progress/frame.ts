import { printable } from '../../redact.js';
import { cutTo, formatBytes, shortEntry } from '../format.js';
import type { Screen } from '../io.js';
import type { Style } from '../style.js';
import type { BlobUnderWay, Tally } from './tally.js';
import type { Transfer } from './transfer-event.js';
import { DOING, formatClock, formatRate, doneBlobs, outcomesOf, percent, retriesOf } from './words.js';

/** Of a terminal that does not say how large it is. */
const USUAL = { columns: 80, rows: 24 };

/** More blobs than these nobody follows. */
const MOST_BLOBS = 12;

/** Bytes and milliseconds: a blob with less of both is gone before it is read. */
const LARGE = 1_000_000;
const SLOW = 1000;

const WIDTHS = { percent: 5, sizes: 17, rate: 10, left: 9 } as const;

const SHORT_BAR = 10;
const LONG_BAR = 40;

/** What a bar is drawn with. */
export interface Ink {
  full: string;
  empty: string;
}

/** Both are in the fonts of every terminal that knows Unicode, the Linux console included. */
export function inkFor({ LC_ALL, LC_CTYPE, LANG, WT_SESSION }: Readonly<Record<string, string | undefined>>): Ink {
  const isUnicode = /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') || WT_SESSION !== undefined;
  return isUnicode ? { full: '█', empty: '░' } : { full: '#', empty: '-' };
}

/**
 * The lines that show a transfer now: all of it, then what came of its blobs, then each blob under way. None is as wide as the
 * screen, and there are fewer than it has rows.
 */
export function frameOf(transfer: Transfer, tally: Tally, screen: Screen, ink: Ink, style: Style): string[] {
  const columns = Math.max(1, (screen.columns || USUAL.columns) - 1);
  const rows = screen.rows || USUAL.rows;
  const under = [...tally.underWay.values()];
  const shown = under.filter(isWorthALine).slice(0, Math.max(0, Math.min(MOST_BLOBS, rows - 5)));
  const names = shown.map(({ blob }) => labelOf(blob.name));
  const measures = measure(columns, names);
  const line = (cells: Cells): string => lineOf(cells, measures, ink).slice(0, columns);
  const more = under.length - shown.length;
  return [
    line(totalOf(transfer, tally)),
    style.faint(cutTo(noteOf(tally, measures), columns)),
    ...shown.map(({ blob, bytes }, i) => line({ name: names[i] ?? '', done: bytes, of: blob.size })),
    ...(more > 0 ? [style.faint(cutTo(`and ${more} more`, columns))] : []),
  ];
}

function isWorthALine({ blob, since }: BlobUnderWay): boolean {
  return blob.size >= LARGE || performance.now() - since >= SLOW;
}

interface Measures {
  label: number;
  /** 0 where there is no room. */
  bar: number;
  hasSizes: boolean;
  hasRate: boolean;
  hasLeft: boolean;
}

/** By the widest a cell can become, so that nothing moves as numbers grow. The bars shrink first, then the last cells leave. */
function measure(columns: number, names: readonly string[]): Measures {
  const most = columns >= 79 ? 24 : 12;
  const label = Math.min(most, Math.max(12, ...names.map((name) => name.length)));
  const room = columns - label - (2 + WIDTHS.percent) - (2 + WIDTHS.left) - 2;
  const [withSizes, withAll] = [room - 2 - WIDTHS.sizes, room - 2 - WIDTHS.sizes - 2 - WIDTHS.rate];
  const [hasSizes, hasRate] = [withSizes >= SHORT_BAR, withAll >= SHORT_BAR];
  const bar = hasRate ? Math.min(LONG_BAR, withAll) : Math.min(SHORT_BAR, room);
  return { label, bar: bar < 4 ? 0 : bar, hasSizes, hasRate, hasLeft: room >= -2 };
}

interface Cells {
  name: string;
  done: number;
  /** Unknown while a stream passes. */
  of: number | undefined;
  rate?: string;
  left?: string;
}

function totalOf(transfer: Transfer, tally: Tally): Cells {
  const { moved, planned, left } = tally;
  const clock = left === undefined ? '-:--' : formatClock(left);
  return {
    ...{ name: DOING[transfer], done: moved, of: planned?.bytes, rate: formatRate(tally.perSecond()) },
    ...(planned && { left: `ETA ${clock}` }),
  };
}

function lineOf({ name, done, of, rate = '', left = '' }: Cells, measures: Measures, ink: Ink): string {
  const { label, bar, hasSizes, hasRate, hasLeft } = measures;
  const share = of === undefined ? [] : [barOf(of === 0 ? 1 : done / of, bar, ink), percentOf(done, of)];
  const cells = [
    cutTo(name, label).padEnd(label),
    ...share,
    ...(hasSizes ? [sizesOf(done, of)] : []),
    ...(hasRate ? [rate.padStart(WIDTHS.rate)] : []),
    ...(hasLeft ? [left.padStart(WIDTHS.left)] : []),
  ];
  return cells
    .filter((cell) => cell !== '')
    .join('  ')
    .trimEnd();
}

/** What came of the blobs so far, and what has no room above. */
function noteOf(tally: Tally, { hasSizes, hasRate }: Measures): string {
  const { ended, blobs, planned, moved, retries } = tally;
  return [
    ...(hasSizes ? [] : [`${formatBytes(moved)}${planned ? `/${formatBytes(planned.bytes)}` : ''}`]),
    ...(hasRate ? [] : [formatRate(tally.perSecond())]),
    doneBlobs(ended, blobs),
    ...outcomesOf(tally),
    ...retriesOf(retries),
  ].join(', ');
}

function percentOf(done: number, of: number): string {
  return `${percent(done, of)} %`.padStart(WIDTHS.percent);
}

function sizesOf(done: number, of: number | undefined): string {
  return `${formatBytes(done).padStart(8)}${of === undefined ? '' : `/${formatBytes(of)}`}`.padEnd(WIDTHS.sizes);
}

function barOf(share: number, width: number, { full, empty }: Ink): string {
  const filled = Math.floor(Math.min(1, share) * width);
  return full.repeat(filled) + empty.repeat(width - filled);
}

/** What tells one blob from another: the start of its digest, else its name. Only of what is one column wide. */
function labelOf(name: string): string {
  const [, digits] = /(?:^|[^0-9a-f])([0-9a-f]{12})[0-9a-f]{52}/.exec(name) ?? [];
  return digits ?? printable(shortEntry(name)).replace(/[^ -~]/gu, '?');
}
