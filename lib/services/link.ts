/**
 * The target of the first link with `rel="next"` in a `Link` header, which may hold several links, parameters in any
 * order and quoted values with commas. Source: RFC 8288 §3; distribution-spec v1.1, "Listing Tags".
 */
export function nextLink(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const links = header.matchAll(/<([^<>]*)>((?:\s*;\s*[^\s=;,"]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g);
  for (const [, target, parameters = ''] of links) {
    if (/;\s*rel\s*=\s*(?:next|"(?:[^"]*\s)?next(?:\s[^"]*)?")\s*(?:;|$)/i.test(parameters)) return target;
  }
  return undefined;
}
