import { BlockList, isIP } from 'node:net';

/** True when both speak to the same scheme, host and port; the default port may be written or not. */
export function sameOrigin(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.host === b.host;
}

/** True for `localhost`, 127.0.0.0/8 and ::1: the places that speak plain http unless told otherwise. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * True when a server out there points us at this machine or its own link, where the metadata services of clouds are
 * (169.254.169.254): an address that means something else for every reader, and that no honest registry gives.
 */
export function leadsInside(from: URL, to: URL): boolean {
  return to.hostname !== from.hostname && isAddressIn(LOCAL, to.hostname) && !isAddressIn(LOCAL, from.hostname);
}

const LOCAL = addresses(['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['::', 127], ['fe80::', 10]);

/** A set of addresses. Mapped ones (::ffff:…) are checked as IPv4 by BlockList itself. */
export function addresses(...subnets: [address: string, prefix: number][]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
}

/** Whether the host of a URL is one of these addresses; of names only the loopback's own are known. */
export function isAddressIn(list: BlockList, hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  if (family === 0) return isLoopback(hostname.replace(/\.$/, ''));
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
