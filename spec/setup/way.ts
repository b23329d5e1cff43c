import type { Launcher } from '../support/registry-process.js';

/** What a way has found. */
export interface Provided {
  launcher: Launcher;
  /** The two shared registries, where they run already. */
  running?: { plain: string; basic: string };
  /** Takes back what was done to provide it. */
  undo?: () => Promise<void>;
}

/** One way to get a registry on this machine. */
export interface Way {
  /** What somebody has to provide for it. */
  readonly needs: string;
  /** A text instead, when this machine does not offer it: why not. */
  provide: () => Promise<Provided | string>;
}

/** The first way that works. @throws Error naming every way and why this machine does not offer it. */
export async function firstThatWorks(ways: readonly Way[]): Promise<Provided> {
  const missing: string[] = [];
  for (const { needs, provide } of ways) {
    const provided = await provide();
    if (typeof provided !== 'string') return provided;
    missing.push(`  - ${needs} (here: ${provided})`);
  }
  throw new Error(
    [
      'The integration specs need a distribution registry. Provide one of these:',
      ...missing,
      'REGISTRY_URL alone is not enough, because specs also start registries that want Basic and Bearer credentials.',
      '`npm run test:unit` runs the specs that need no registry.',
    ].join('\n'),
  );
}
