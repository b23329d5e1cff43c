import { AuthenticationError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import type { BearerChallenge } from './challenge.js';
import { addresses, isAddressIn, isLoopback } from './origin.js';

/**
 * The token server a challenge names, where the credentials will be sent. The protocol allows any host, so this refuses what
 * no honest registry needs: a downgrade to plain http (CVE-2019-10214), user information, and addresses inside the
 * network of whoever runs this client.
 * @throws AuthenticationError naming the realm; nothing has been sent to it then.
 */
export function resolveRealm(challenge: Pick<BearerChallenge, 'realm' | 'url'>, registry: URL): URL {
  if (!challenge.realm) throw refused(registry, 'a challenge without a realm, so there is nowhere to get a token');
  if (!URL.canParse(challenge.realm, challenge.url.href)) {
    throw refused(registry, `the realm "${printable(challenge.realm, 200)}", which is not a URL`);
  }
  const realm = new URL(challenge.realm, challenge.url);
  const problem = problemWith(realm, challenge.realm, registry);
  if (problem) throw refused(registry, `the realm ${printable(redactUrl(realm), 300)}, which ${problem}`);
  return realm;
}

function problemWith(realm: URL, sent: string, registry: URL): string | undefined {
  if (realm.protocol !== 'https:' && realm.protocol !== 'http:') return 'is neither http nor https';
  if (realm.protocol === 'http:' && registry.protocol !== 'http:') return 'is plain http while the registry uses https';
  if (realm.username !== '' || realm.password !== '') return 'carries user information';
  if (sent.includes('#')) return 'carries a fragment';
  if (realm.hostname === registry.hostname || isLoopback(registry.hostname)) return undefined;
  return isAddressIn(INTERNAL, realm.hostname) ? 'is an internal address and not the host of the registry' : undefined;
}

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

function refused(registry: URL, what: string): AuthenticationError {
  return new AuthenticationError(`${registry.host} answered with ${what}; no credentials were sent`, {
    code: 'CHALLENGE_INVALID',
    hint: 'Check that the registry URL is right; the realm is set where the registry runs.',
  });
}
