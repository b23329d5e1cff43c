import { AuthenticationError } from '../errors.js';
import { printable, redactUrl } from '../redact.js';
import type { BearerChallenge } from './challenge.js';
import { isInternal, isLinkLocal, isLoopback } from './origin.js';

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
  if (realm.hostname === registry.hostname) return undefined;
  // A registry on this machine is somebody's own, and so is the network around it; what clouds keep on the link is not.
  const isRefused = isLoopback(registry.hostname) ? isLinkLocal(realm.hostname) : isInternal(realm.hostname);
  return isRefused ? 'is an internal address and not the host of the registry' : undefined;
}

function refused(registry: URL, what: string): AuthenticationError {
  return new AuthenticationError(`${registry.host} answered with ${what}; no credentials were sent`, {
    code: 'CHALLENGE_INVALID',
    hint: 'Check that the registry URL is right; the realm is set where the registry runs.',
  });
}
