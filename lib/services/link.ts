/** `<target>`, and the parameters behind it one by one; each starts where the last one ended, so no input is slow. */
const TARGET = /[\s,]*<([^<>]*)>/y;
const PARAMETER = /\s*;\s*([^\s=;,"<>]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/y;

/**
 * The target of the first link with `rel="next"` in a `Link` header, which may hold several links, parameters in any
 * order and quoted values with commas. What cannot be read ends the header.
 * Source: RFC 8288 §3; distribution-spec v1.1, "Listing Tags".
 */
export function nextLink(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (let at = 0; ;) {
    const target = matchAt(TARGET, header, at);
    if (!target) return undefined;
    at = TARGET.lastIndex;
    let isNext = false;
    for (let found; (found = matchAt(PARAMETER, header, at)); at = PARAMETER.lastIndex) {
      const [, name = '', quoted, bare = ''] = found;
      isNext ||= name.toLowerCase() === 'rel' && relations(quoted ?? bare).includes('next');
    }
    if (isNext) return target[1];
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function relations(value: string): string[] {
  return value.toLowerCase().split(/\s+/);
}
