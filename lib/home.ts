import { join } from 'node:path';

/**
 * A folder in the home of the user. Undefined for users without one, as in containers that run under a number nobody has: Node
 * throws for them.
 * @param home - `os.homedir`, asked only without `named`
 * @param named - the home as a variable says it; empty counts as absent
 */
export function atHome(folder: string, home: () => string, named?: string): string | undefined {
  try {
    return join(named || home(), folder);
  } catch {
    return undefined;
  }
}
