import { Refusal } from './registry-error.js';

export interface Page {
  names: string[];
  /** `Link` to the next page, when there is one. */
  headers: Record<string, string>;
}

/**
 * One page of a list in ASCII order: at most `n` names (all by default) behind `last`.
 * Source: distribution-spec v1.1, "Listing tags".
 * @throws Refusal PAGINATION_NUMBER_INVALID when `n` is not a number.
 */
export function pageOf(names: readonly string[], query: URLSearchParams, path: string): Page {
  const limit = limitOf(query.get('n'));
  const last = query.get('last') ?? '';
  const rest = names.filter((name) => name > last).sort();
  const page = rest.slice(0, limit);
  const end = page.at(-1);
  // With n=0 the spec wants an empty list and no link.
  if (end === undefined || page.length === rest.length) return { names: page, headers: {} };
  const next = `${path}?n=${limit}&last=${encodeURIComponent(end)}`;
  return { names: page, headers: { link: `<${next}>; rel="next"` } };
}

function limitOf(n: string | null): number {
  if (n === null) return Infinity;
  if (/^\d{1,9}$/.test(n)) return Number(n);
  throw new Refusal('PAGINATION_NUMBER_INVALID', `n must be a number of results, not "${n}"`, { detail: { n } });
}
