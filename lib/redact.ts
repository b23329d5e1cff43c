/** Query parameters that the protocol itself defines and that never carry a secret. */
const PUBLIC_PARAMETERS = new Set(['digest', 'mount', 'from', 'n', 'last', 'artifactType', 'service', 'scope', 'tag']);

/**
 * A URL that may be shown: user information and fragment are dropped and every query value outside the distribution spec is
 * replaced, because upload locations and storage redirects carry signatures and session state there.
 */
export function redactUrl(url: URL | string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  for (const name of new Set(shown.searchParams.keys())) {
    if (!PUBLIC_PARAMETERS.has(name)) shown.searchParams.set(name, 'REDACTED');
  }
  return shown.href.replaceAll('%3A', ':').replaceAll('%2F', '/');
}

// Controls, marks without width or that turn the direction of text, the tags of plane 14, breaks of lines, halves of characters.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from a server or an archive, safe to print: control characters are made visible, length is bounded. */
export function printable(text: string, limit = 1000): string {
  const visible = text.replace(INVISIBLE, escaped);
  return visible.length > limit ? `${visible.slice(0, limit)}…` : visible;
}

/** As JSON writes it: half by half. */
function escaped(character: string): string {
  const halves = character.split('').map((half) => half.charCodeAt(0).toString(16).padStart(4, '0'));
  return halves.map((half) => `\\u${half}`).join('');
}
