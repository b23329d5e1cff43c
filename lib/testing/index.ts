export { EmbeddedTransport } from '../embedded/embedded-transport.js';
export { RegistryServer } from '../embedded/http-server.js';
export { MemoryStore } from '../embedded/memory-store.js';
export { EmbeddedRegistry } from '../embedded/registry.js';
