import { BlockList } from 'node:net';
import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';
import { percentDecoded } from './credentials.js';
import { familyOf, isLoopback, unbracketed } from './origin.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Of a whole address. */
const BITS = { ipv4: 32, ipv6: 128 };

/**
 * The address of a proxy; without a scheme it is http.
 * @param name - of what says so, for messages
 * @throws InvalidArgumentError; it does not show what stands before an `@`
 */
export function parseProxy(given: string | URL, name: string): URL {
  const text = String(given);
  const complete = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(complete) ? new URL(complete) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url;
  const shown = printable(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1'), 200);
  throw new InvalidArgumentError(`${name} is "${shown}", which is not the address of an HTTP proxy`, {
    code: 'PROXY_INVALID',
    hint: 'Write http://[user:password@]host:port.',
  });
}

/** Whom its certificate is to be for; without this Node takes the `Host` header, which names the server behind it. */
export function nameFor(proxy: URL): { servername: string } {
  const host = unbracketed(proxy.hostname);
  return { servername: familyOf(host) ? '' : host };
}

/** `Proxy-Authorization` for what stands in the address of a proxy. Source: RFC 9110 §11.7.2. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`).toString('base64');
  return { 'proxy-authorization': `Basic ${pair}` };
}

/**
 * The proxy that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name for an address, by the rules of docker and Go's clients: the
 * small letters first, never for this machine. Source: golang.org/x/net/http/httpproxy.
 * @throws InvalidArgumentError when the variable holds no address
 */
export function proxyFromEnvironment(url: URL, env: Environment): URL | undefined {
  const names = url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY'];
  const name = names.find((candidate) => env[candidate]);
  if (name === undefined || isLoopback(url.hostname)) return undefined;
  if (isExcepted(url, env.no_proxy || env.NO_PROXY || '')) return undefined;
  return parseProxy(env[name] as string, name);
}

/** `host` and `.domain`, both with an optional port, addresses, networks (`10.0.0.0/8`), and `*`. */
function isExcepted(url: URL, list: string): boolean {
  const entries = list.toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry === '*' || (entry !== '' && matches(url, entry)));
}

function matches({ hostname, port, protocol }: URL, entry: string): boolean {
  const host = unbracketed(hostname).replace(/\.$/, '');
  if (entry.includes('/')) return isInNetwork(host, entry);
  const { name, only } = splitPort(entry);
  if (only !== undefined && only !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  const family = familyOf(name);
  if (family) return isInNetwork(host, `${name}/${BITS[family]}`);
  const domain = name.replace(/^\*?\./, '');
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}

function splitPort(entry: string): { name: string; only?: string } {
  const [, bracketed, plain, only] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain;
  // An IPv6 address without brackets has no port.
  return name === undefined ? { name: entry } : { name, ...(only === undefined ? {} : { only }) };
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.replace(/[[\]]/g, '').split('/');
  const [family, own] = [familyOf(address), familyOf(host)];
  if (!family || !own || !/^\d+$/.test(bits) || Number(bits) > BITS[family]) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return list.check(host, own);
}
