import { printable } from '../redact.js';

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

/** Lines with columns of equal width, two spaces apart. */
export function formatColumns(rows: readonly (readonly string[])[]): string {
  const widest = (column: number): number => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0);
  const widths = (rows[0] ?? []).map((_, column) => widest(column));
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** A line of JSON, or several when indented. It escapes more than JSON must, so that no text from outside can steer a terminal. */
export function formatJson(value: unknown, indent = 2): string {
  const lines = JSON.stringify(value, undefined, indent).split('\n');
  return `${lines.map((line) => printable(line, Infinity)).join('\n')}\n`;
}
