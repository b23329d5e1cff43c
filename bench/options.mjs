import { parseArgs } from 'node:util';

export const USAGE = `npm run bench [-- options]

  --quick        a small image and one run: does it work? under a minute
  --runs <n>     of each contender in each row; medians are shown (default 5)
  --only <row>   this row; may be repeated
  --large        also the memory of pushing an image of ten times the size
  --growth       also images of 1, 2, 4 and 8 times the size, and of 10, 100 and 1,000 layers
  --mib <n>      the size of the image (default 1024)
  --node <path>  runs ours with another Node, for example one that has zstd`;

/** @param rows names that --only may have; those of `extra`, by the option that asks for each, are run only when it, or --only, does */
export function parseOptions(args, rows, extra) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      only: { type: 'string', multiple: true },
      large: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      mib: { type: 'string' },
      node: { type: 'string', default: process.execPath },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, node, help, only } = values;
  const unknown = only?.find((name) => !rows.includes(name));
  if (unknown) throw new Error(`there is no row ${unknown}, only ${rows.join(', ')}`);
  return {
    quick,
    node,
    help,
    runs: wholeNumber('runs', values.runs ?? (quick ? 1 : 5)),
    bytes: wholeNumber('mib', values.mib ?? (quick ? 64 : 1024)) * 2 ** 20,
    rows: only ?? rows.filter((name) => !(name in extra) || values[extra[name]]),
  };
}

function wholeNumber(name, text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${name} is "${text}", not a whole number from 1 on`);
  return number;
}
