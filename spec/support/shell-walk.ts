import { fencesIn } from './markdown.js';

/** What a reader types who follows a page to a heading, in order: every line of its shell fences. */
export function linesToType(page: string, end: string): string[] {
  const upTo = page.slice(0, page.indexOf(end));
  return fencesIn(upTo, 'sh').flatMap((fence) => fence.split('\n').filter((line) => line.trim() !== ''));
}

/**
 * A script that types them, and stops at the first that fails. A server in the background is waited for, as people do who read on
 * before they type.
 */
export function asScript(lines: readonly string[]): string {
  const typed = lines.flatMap((line) => {
    const isServer = / &\s*(#.*)?$/.test(line);
    return [
      `echo ${quoted(`$ ${line}`)}`,
      line,
      ...(isServer ? ['until registry-client ping -q; do sleep 0.2; done'] : []),
    ];
  });
  return ['set -euo pipefail', "trap 'kill $(jobs -p)' EXIT", ...typed, ''].join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
