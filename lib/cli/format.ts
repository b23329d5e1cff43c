const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 GB`: powers of 1000, as docker prints sizes. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** Entry names carry long digests; their first 12 digits tell them apart. */
export function shortEntry(entry: string): string {
  return entry.replace(/([0-9a-f]{12})[0-9a-f]{52}/g, '$1');
}

/** Lines with columns of equal width, two spaces apart. */
export function formatColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('');
}
