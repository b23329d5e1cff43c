/** `<target>`, and the parameters behind it one by one; each starts where the last one ended, so no input is slow. */
const TARGET = /[\s,]*<([^<>]*)>/y;
const PARAMETER = /\s*;\s*([^\s=;,"<>]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/y;

/** Of what cannot be read. */
const ANNOUNCEMENT = /\brel\s*=\s*["']?[^"',;]{0,100}\bnext\b/i;

/**
 * The target of the first link with `rel="next"` in a `Link` header, which may hold several links, parameters in any
 * order and quoted values with commas. What cannot be read ends the header.
 * Source: RFC 8288 §3; distribution-spec v1.1, "Listing Tags".
 */
export function nextLink(header: string | undefined): string | undefined {
  return header === undefined ? undefined : read(header).next;
}

/** Whether a header in which no next link is found has one all the same, which cannot be read. */
export function hidesNextLink(header: string | undefined): boolean {
  if (header === undefined) return false;
  const { next, unread } = read(header);
  return next === undefined && ANNOUNCEMENT.test(unread);
}

/** @returns `unread` - from the last link on that could be read in part */
function read(header: string): { next?: string; unread: string } {
  let start = 0;
  for (let at = 0; ;) {
    const target = matchAt(TARGET, header, at);
    if (!target) return { unread: at === header.length ? '' : header.slice(start) };
    start = at;
    at = TARGET.lastIndex;
    let isNext = false;
    for (let found; (found = matchAt(PARAMETER, header, at)); at = PARAMETER.lastIndex) {
      const [, name = '', quoted, bare = ''] = found;
      isNext ||= name.toLowerCase() === 'rel' && relations(quoted ?? bare).includes('next');
    }
    if (isNext) return { next: target[1] as string, unread: '' };
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function relations(value: string): string[] {
  return value.toLowerCase().split(/\s+/);
}
