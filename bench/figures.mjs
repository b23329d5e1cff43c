// What is made of the figures: medians, ratios, a Markdown table, goals kept or missed, bars. Nothing here measures.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** One line out of the samples of several runs: the median of each figure, and the range of the seconds. */
export function summarize(samples) {
  const figures = [...new Set(samples.flatMap(Object.keys))];
  const medians = figures.map((figure) => [
    figure,
    median(samples.map((sample) => sample[figure]).filter((value) => value !== undefined)),
  ]);
  const seconds = samples.map((sample) => sample.seconds);
  return { ...Object.fromEntries(medians), range: [Math.min(...seconds), Math.max(...seconds)] };
}

const COLUMNS = [
  [
    'seconds',
    'seconds (range)',
    (value, { range }) => `${precise(value)}${range ? ` (${range.map(precise).join('–')})` : ''}`,
  ],
  ['sent', 'sent', megabytes],
  ['requests', 'requests', String],
  ['read', 'read from the tar', kilobytes],
  ['cpu', 'CPU s', precise],
  ['rss', 'peak RSS', megabytes],
];

/**
 * A Markdown table of lines `{ who, seconds, range, sent, requests, read, cpu, rss }` (bytes, seconds); figures that nobody
 * has get no column, and each of `against` that is among the lines one with the ratios to it.
 */
export function table(lines, against = []) {
  const bases = against.flatMap((who) => lines.find((line) => line.who === who) ?? []);
  const columns = [
    ['', (line) => line.who],
    ...bases.map((base) => [`× ${base.who}`, (line) => ratio(line.seconds, base.seconds)]),
    ...COLUMNS.filter(([figure]) => lines.some((line) => line[figure] !== undefined)).map(([figure, title, show]) => [
      title,
      (line) => (line[figure] === undefined ? '–' : show(line[figure], line)),
    ]),
  ];
  const rows = [columns.map(([title]) => title), columns.map(() => '---')];
  for (const line of lines) rows.push(columns.map(([, show]) => show(line)));
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * A goal is `{ who, figure, times, of }`, at most so many times the figure of another line, or `{ who, figure, most }`.
 *
 * @returns one sentence, and whether the goal is kept; undefined when one side was not measured
 */
export function judge(lines, { who, figure = 'seconds', times, of, most }) {
  const [value, base] = [who, of].map((name) => lines.find((line) => line.who === name)?.[figure]);
  const text = `${who}: ${figure} ≤ ${of ? `${times} × ${of}` : shown(figure, most)}`;
  if (value === undefined || (of && base === undefined)) return { text: `${text}: not measured`, kept: undefined };
  const kept = of ? value <= times * base : value <= most;
  return { text: `${text}: ${of ? ratio(value, base) : shown(figure, value)}${kept ? '' : ', MISSED'}`, kept };
}

/** Bars for points `{ label, value, text }`, the longest 40 wide, inside a code block. */
export function bars(points) {
  const [longest, widest] = [
    Math.max(...points.map(({ value }) => value)),
    Math.max(...points.map((p) => p.label.length)),
  ];
  const drawn = points.map(({ label, value, text }) => {
    const bar = '█'.repeat(Math.max(1, Math.round((40 * value) / longest)));
    return `${label.padStart(widest)}  ${bar} ${text}`;
  });
  return ['```text', ...drawn, '```'].join('\n');
}

export function megabytes(bytes) {
  return bytes < 1e6 ? kilobytes(bytes) : `${Math.round(bytes / 1e6)} MB`;
}

export function kilobytes(bytes) {
  return bytes >= 1e7 ? megabytes(bytes) : `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
}

/** Three digits that count. */
export function precise(seconds) {
  return seconds.toFixed(seconds >= 10 ? 1 : seconds >= 1 ? 2 : 3);
}

function ratio(value, base) {
  return (value / base).toFixed(2);
}

function shown(figure, value) {
  if (figure === 'seconds' || figure === 'cpu') return `${precise(value)} s`;
  return figure === 'requests' ? String(value) : megabytes(value);
}
