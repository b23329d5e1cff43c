import { type RegistryProcess, startRegistry } from './registry-process.js';
import { TokenServer, type TokenServerOptions } from './token-server.js';

/** A real registry that takes Bearer tokens only, and the token server it sends clients to. */
export interface BearerRegistry {
  url: string;
  registry: RegistryProcess;
  tokens: TokenServer;
  stop(): Promise<void>;
}

export async function startBearerRegistry(options: TokenServerOptions = {}): Promise<BearerRegistry> {
  const tokens = await TokenServer.start(options);
  try {
    const registry = await startRegistry({ auth: tokens.auth });
    const stop = async () => void (await Promise.all([registry.stop(), tokens.stop()]));
    return { url: registry.url, registry, tokens, stop };
  } catch (error) {
    await tokens.stop();
    throw error;
  }
}
