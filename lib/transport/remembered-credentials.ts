import type { Credentials, CredentialsProvider } from './credentials.js';
import { raceSignal } from './waiting.js';

interface Lookup {
  work: Promise<Credentials | undefined>;
  /** Once it is known. */
  found?: Credentials | undefined;
}

/**
 * Looks up the credentials of each registry at the first call and keeps them, failures excepted, until the registry refuses
 * them: those of ECR are good for 12 hours. Everybody who was refused with the same ones shares one new lookup.
 */
export function rememberedCredentials(
  find: (registry: string) => Promise<Credentials | undefined>,
): CredentialsProvider {
  const lookups = new Map<string, Lookup>();
  const start = (registry: string): Lookup => {
    const lookup: Lookup = { work: find(registry) };
    const forget = (): void => void (lookups.get(registry) === lookup && lookups.delete(registry));
    lookup.work.then((found) => (lookup.found = found), forget);
    lookups.set(registry, lookup);
    return lookup;
  };
  return (registry, signal, refused) => {
    const known = lookups.get(registry);
    const isRefused = refused !== undefined && known?.found === refused;
    return raceSignal((known && !isRefused ? known : start(registry)).work, signal);
  };
}
