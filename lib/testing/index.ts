export { BasicAuth } from '../embedded/basic-auth.js';
export { EmbeddedTransport } from '../embedded/embedded-transport.js';
export { RegistryServer } from '../embedded/http-server.js';
export { LayoutStore } from '../embedded/layout-store.js';
export { MemoryStore } from '../embedded/memory-store.js';
export { type RegistryHandler } from '../embedded/message.js';
export { ReadOnly } from '../embedded/read-only.js';
export { EmbeddedRegistry } from '../embedded/registry.js';
