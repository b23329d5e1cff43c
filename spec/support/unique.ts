import { randomBytes } from 'node:crypto';

/** A repository nobody has used, so that specs share a registry without seeing each other: `spec/<name>-<random>`. */
export function uniqueRepository(name = 'app'): string {
  return `spec/${name}-${randomBytes(6).toString('hex')}`;
}
