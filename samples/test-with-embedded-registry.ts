// Test a push from start to end without Docker and without sockets: a whole registry in memory.
import assert from 'node:assert/strict';
import { RegistryClient } from 'registry-api-v2-client';
import { EmbeddedTransport } from 'registry-api-v2-client/testing';

const client = new RegistryClient({ url: 'http://registry.test', transport: new EmbeddedTransport() });

const pushed = await client.push('spec/fixtures/docker-26-multi-tag.tar', 'team/app:1.0');
const { descriptor } = await client.getManifest('team/app', '1.0');

assert.equal(descriptor.digest, pushed.digest);
console.log(`the registry has team/app:1.0 as ${descriptor.digest}`);
