/**
 * The test kit: a registry in this process, faults, the ways of other registries, and archives made up on the spot.
 * @module registry-api-v2-client/testing
 */
export { BasicAuth } from '../embedded/basic-auth.js';
export { BearerAuth } from '../embedded/bearer-auth.js';
export { EmbeddedTransport } from '../embedded/embedded-transport.js';
export { Faults } from '../embedded/faults.js';
export { RegistryServer } from '../embedded/http-server.js';
export { LayoutStore } from '../embedded/layout-store.js';
export { MemoryStore } from '../embedded/memory-store.js';
export { Personality } from '../embedded/personality.js';
export { ReadOnly } from '../embedded/read-only.js';
export { EmbeddedRegistry } from '../embedded/registry.js';
export { imageTar } from './image-tar.js';
export { isolatedRepository } from './isolated-repository.js';
export { ScriptedTransport } from './scripted-transport.js';
export { startTestRegistry } from './test-registry.js';

export type { RegistryCredentials } from '../embedded/authorization.js';
export type { Fault } from '../embedded/fault.js';
export type { FiredFault } from '../embedded/faults.js';
export type { RegistryServerOptions } from '../embedded/http-server.js';
export type { RegistryHandler, RegistryRequest, RegistryResponse, ResponseBody } from '../embedded/message.js';
export type { PersonalityName } from '../embedded/personality.js';
export type { EmbeddedRegistryOptions } from '../embedded/registry.js';
export type {
  Awaitable,
  BlobStore,
  BlobWriter,
  ByteRange,
  ManifestStore,
  Store,
  StoredBlob,
} from '../embedded/store.js';
export type { TokenEndpointOptions } from '../embedded/token-endpoint.js';
export type { ImageTarOptions } from './image-tar.js';
export type { CleanUp, IsolatedRepository, LeftOver } from './isolated-repository.js';
export type { LayerContent } from './layer.js';
export type { ScriptedCall, ScriptedExchange, ScriptedReply, ScriptedTransportOptions } from './scripted-transport.js';
export type { TestRegistry, TestRegistryOptions } from './test-registry.js';
