/** One way of signing in that a 401 offers. Source: RFC 9110 §11.3, §11.6.1. */
export interface Challenge {
  /** Lower case. */
  scheme: string;
  /** Names in lower case; the first of equal names counts. */
  parameters: ReadonlyMap<string, string>;
}

interface MutableChallenge extends Challenge {
  parameters: Map<string, string>;
}

/** What a registry with a token server asks for. Source: distribution `docs/content/spec/auth/token.md`. */
export interface BearerChallenge {
  scheme: 'bearer';
  /** As sent: untrusted, perhaps relative, absent when the registry forgot it. */
  realm: string | undefined;
  service: string | undefined;
  scopes: readonly string[];
  error: string | undefined;
  /** What answered with the challenge; a relative realm starts here. */
  url: URL;
}

export interface BasicChallenge {
  scheme: 'basic';
}

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"([^"\\]*(?:\\[^][^"\\]*)*)"/y;
const UNQUOTED = /([^\s,"]+)/y;

/**
 * Reads a `WWW-Authenticate` value; repeated headers arrive here joined by commas, and a quoted value may hold commas too.
 * Never throws: what cannot be read ends the list, and a challenge cut off inside a value is left out.
 */
export function parseChallenges(header: string): Challenge[] {
  const found: MutableChallenge[] = [];
  const scan = scanner(header);
  for (let name = scanName(scan); name !== undefined; name = scanName(scan)) {
    if (scan(EQUALS)) {
      const value = scanValue(scan);
      if (value === undefined) return found.slice(0, -1);
      setFirst(found.at(-1)?.parameters, name, value);
    } else {
      found.push({ scheme: name, parameters: new Map() });
      scan(TOKEN68);
    }
  }
  return found;
}

/** The strongest challenge this client can answer, Bearer before Basic; undefined when it knows none of them. */
export function selectChallenge(header: string, url: URL): BearerChallenge | BasicChallenge | undefined {
  const challenges = parseChallenges(header);
  const bearers = challenges.filter(({ scheme }) => scheme === 'bearer');
  const bearer = bearers.find(({ parameters }) => parameters.has('realm')) ?? bearers[0];
  if (bearer) return readBearer(bearer.parameters, url);
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

function readBearer(parameters: ReadonlyMap<string, string>, url: URL): BearerChallenge {
  return {
    scheme: 'bearer',
    realm: parameters.get('realm'),
    service: parameters.get('service'),
    scopes: (parameters.get('scope') ?? '').split(/\s+/).filter(Boolean),
    error: parameters.get('error'),
    url,
  };
}

type Scan = (pattern: RegExp) => RegExpExecArray | null;

/** Each call matches a sticky pattern where the last one ended. */
function scanner(text: string): Scan {
  let position = 0;
  return (pattern) => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match) position = pattern.lastIndex;
    return match;
  };
}

function scanName(scan: Scan): string | undefined {
  scan(SEPARATORS);
  return scan(TOKEN)?.[0].toLowerCase();
}

function scanValue(scan: Scan): string | undefined {
  const quoted = scan(QUOTED)?.[1];
  return quoted === undefined ? scan(UNQUOTED)?.[1] : quoted.replace(/\\([^])/g, '$1');
}

function setFirst(parameters: Map<string, string> | undefined, name: string, value: string): void {
  if (parameters && !parameters.has(name)) parameters.set(name, value);
}
