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
  return to.hostname !== from.hostname && isLocal(to.hostname) && !isLocal(from.hostname);
}

const LOCAL = new BlockList();
LOCAL.addSubnet('0.0.0.0', 8);
LOCAL.addSubnet('127.0.0.0', 8);
LOCAL.addSubnet('169.254.0.0', 16);
LOCAL.addSubnet('::', 127, 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');

function isLocal(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  if (family === 0) return isLoopback(hostname.replace(/\.$/, ''));
  return LOCAL.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
