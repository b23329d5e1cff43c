import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** True when both speak to the same scheme, host and port; the default port may be written or not. */
export function sameOrigin(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.host === b.host;
}

/** The `hostname` of a URL as sockets and {@link familyOf} take it: without the brackets of an IPv6 address. */
export function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/**
 * Of an address, without brackets; undefined for a name. Node's `isIP` takes 4 ms to make its pattern of IPv6, which most processes
 * need not wait for.
 */
export function familyOf(host: string): 'ipv4' | 'ipv6' | undefined {
  if (host.includes(':')) return isIPv6(host) ? 'ipv6' : undefined;
  return isIPv4(host) ? 'ipv4' : undefined;
}

/** True for `localhost`, 127.0.0.0/8 and ::1: the places that speak plain http unless told otherwise. */
export function isLoopback(hostname: string): boolean {
  const host = unbracketed(hostname).toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * True when a server out there points us at this machine or its own link, where the metadata services of clouds are
 * (169.254.169.254): an address that means something else for every reader, and that no honest registry gives.
 */
export function leadsInside(from: URL, to: URL): boolean {
  if (to.hostname === from.hostname || isLinkLocal(from.hostname)) return false;
  return isLinkLocal(to.hostname) || (isAddressIn(LOCAL, to.hostname) && !isAddressIn(LOCAL, from.hostname));
}

/** True for addresses of the own link and for those under which clouds keep metadata; nobody on this machine needs them either. */
export function isLinkLocal(hostname: string): boolean {
  const address = unbracketed(hostname).replace(/\.$/, '');
  const family = familyOf(address);
  if (!family) return address === 'metadata.google.internal';
  return LINK_LOCAL.check(address, family);
}

/** True for the addresses that mean something else in every network, and for the names of this machine. */
export function isInternal(hostname: string): boolean {
  return isAddressIn(INTERNAL, hostname);
}

const LOCAL = addresses(['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['::', 127], ['fe80::', 10]);

// Besides what the name says, and that again in the IPv6 ranges that stand for IPv4: Alibaba, Oracle, Azure, AWS over IPv6.
const LINK_LOCAL = addresses(
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['::a9fe:0', 112],
  ['64:ff9b::a9fe:0', 112],
  ['2002:a9fe::', 32],
);

// Besides RFC 1918: "this network", carrier-grade NAT, benchmarking, multicast, reserved; unique-local, link-local and the
// IPv6 ranges that stand for an IPv4 address.
const INTERNAL = addresses(
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
);

/** A set of addresses. Mapped ones (::ffff:…) are checked as IPv4 by BlockList itself. */
function addresses(...subnets: [address: string, prefix: number][]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** Whether the host of a URL is one of these addresses; of names only the loopback's own are known. */
function isAddressIn(list: BlockList, hostname: string): boolean {
  const address = unbracketed(hostname);
  const family = familyOf(address);
  if (!family) return isLoopback(hostname.replace(/\.$/, ''));
  return list.check(address, family);
}
