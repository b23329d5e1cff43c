/** Query parameters that the protocol itself defines and that never carry a secret. */
const PUBLIC_PARAMETERS = new Set(['digest', 'mount', 'from', 'n', 'last', 'artifactType', 'service', 'scope', 'tag']);

/** What names, digests, scopes and numbers are made of. A `;` would let a second parameter hide in the first. */
const PUBLIC_VALUE = /^[\w.:/+*, -]{0,1000}$/;

/** Longer than the name of any parameter: `?<signature>` has no value to hide. */
const PARAMETER_NAME = /^[\w.-]{1,40}$/;

const REDACTED = 'REDACTED';

/**
 * A URL that may be shown: user information and fragment are dropped and every query value outside the distribution spec is
 * replaced, because upload locations and storage redirects carry signatures and session state there.
 */
export function redactUrl(url: URL | string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  shown.pathname = shown.pathname.replace(/;([^/;=]*)=[^/;]*/g, `;$1=${REDACTED}`);
  const shownPairs = [...new URLSearchParams(shown.search)].map(([name, value]) => redactParameter(name, value));
  shown.search = new URLSearchParams([...new Map(shownPairs)]).toString();
  return shown.href.replaceAll('%3A', ':').replaceAll('%2F', '/');
}

function redactParameter(name: string, value: string): [name: string, value: string] {
  if (PUBLIC_PARAMETERS.has(name) && PUBLIC_VALUE.test(value)) return [name, value];
  return value !== '' && PARAMETER_NAME.test(name) ? [name, REDACTED] : [REDACTED, ''];
}

/** Source: RFC 9110 §11.4; words have no digits and few letters. A JSON Web Token starts with the base64 of `{"`. */
const AUTHORIZATION = /\b([Bb]asic|[Bb]earer)[ \t]+(?=[\w.~+/=-]*[A-Z\d])[\w.~+/=-]{16,}/g;
const WEB_TOKEN = /\beyJ[\w-]{8,}(?:\.[\w-]*)+/g;
const ADDRESS = /\bhttps?:\/\/[^\s"'<>\\^`{|}]+/gi;

/** Text from a server, without the credentials and the signed addresses it may repeat. */
export function redactText(text: string): string {
  return text
    .replace(ADDRESS, (address) => (URL.canParse(address) ? redactUrl(address) : REDACTED))
    .replace(AUTHORIZATION, `$1 ${REDACTED}`)
    .replace(WEB_TOKEN, REDACTED);
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
