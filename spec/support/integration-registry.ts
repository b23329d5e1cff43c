import { BASIC_CREDENTIALS } from './registry-process.js';

/** URLs of the registries that all integration specs share; global-setup.ts started them. */
export interface IntegrationRegistries {
  /** Anybody may do anything, deletes included. */
  plain: string;
  /** Wants `BASIC_CREDENTIALS`. */
  basic: string;
}

/** The real registry that all integration specs share; take a `uniqueRepository()` in it. */
export function integrationRegistry(): { url: string } {
  return { url: shared().plain };
}

/** The shared registry that wants Basic credentials. */
export function basicRegistry(): { url: string; username: string; password: string } {
  return { url: shared().basic, ...BASIC_CREDENTIALS };
}

function shared(): IntegrationRegistries {
  const text = process.env.SPEC_REGISTRIES;
  if (text === undefined) throw new Error('specs that need a registry belong into spec/integration');
  return JSON.parse(text) as IntegrationRegistries;
}
