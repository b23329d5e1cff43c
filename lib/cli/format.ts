import { printable } from '../redact.js';
import type { Screen } from './io.js';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 GB`: powers of 1000, as docker prints sizes. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // By what will be printed: 999 960 bytes are 1.0 MB, not 1000.0 kB.
  while (Number(value.toFixed(1)) >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Entry names carry long digests; their first 12 digits tell them apart. */
export function shortEntry(entry: string): string {
  return entry.replace(/([0-9a-f]{12})[0-9a-f]{52,}/g, '$1');
}

/** How many columns a line may have: all there are on a terminal, and no end of them elsewhere. */
export function roomOf({ isTTY = false, columns }: Screen): number {
  return isTTY && columns ? columns : Infinity;
}

/** Which columns give way where there is too little room, the first one first, and how narrow each may become. */
export type GivingWay = readonly (readonly [column: number, least: number])[];

/** Lines with columns of equal width, two spaces apart, none longer than there is room for. */
export function formatColumns(
  rows: readonly (readonly string[])[],
  room = Infinity,
  givingWay: GivingWay = [],
): string {
  const widest = (column: number): number => rows.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), 0);
  const widths = (rows[0] ?? []).map((_, column) => widest(column));
  for (const [column, least] of givingWay) {
    const tooMuch = widths.reduce((sum, width) => sum + width + 2, -2) - room;
    const width = widths[column] ?? 0;
    if (tooMuch > 0) widths[column] = Math.max(Math.min(width, least), width - tooMuch);
  }
  const line = (row: readonly string[]): string => row.map((cell, i) => fill(cell, widths[i] ?? 0)).join('  ');
  return rows.map((row) => `${cutTo(line(row).trimEnd(), room)}\n`).join('');
}

function fill(cell: string, width: number): string {
  const shown = cutTo(cell, width);
  return shown + ' '.repeat(width - widthOf(shown));
}

/** Source: Unicode Standard Annex 11, East Asian Width W and F; those beyond the first plane are two code units anyway. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/g;

/** Columns that a terminal needs for printable text. */
export function widthOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0);
}

/** The start of a text that is too long, and `…`. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [kept, used] = ['', 1];
  for (const character of text) {
    used += widthOf(character);
    if (used > width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** A line of JSON, or several when indented. It escapes more than JSON must, so that no text from outside can steer a terminal. */
export function formatJson(value: unknown, indent = 2): string {
  const lines = JSON.stringify(value, undefined, indent).split('\n');
  return `${lines.map((line) => printable(line, Infinity)).join('\n')}\n`;
}
