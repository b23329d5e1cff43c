// Test code that pushes: a registry for each test, with faults and other registries' ways, and images made on the spot.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { UnsupportedError } from 'registry-api-v2-client';
import { imageTar, startTestRegistry } from 'registry-api-v2-client/testing';

void test('the image arrives under its tag', async () => {
  await using registry = await startTestRegistry();
  const client = registry.client();
  const pushed = await client.push(imageTar({ layers: [{ 'etc/motd': 'hello' }] }), 'team/app:1.0');
  assert.equal((await client.resolve('team/app', '1.0'))?.digest, pushed.digest);
});

void test('a push gets over a broken connection and a busy registry', async () => {
  await using registry = await startTestRegistry({
    auth: 'bearer',
    faults: [
      { on: 'PATCH', resetAfterBytes: 500_000 },
      { on: 'PUT', path: '/manifests/', status: 503, retryAfter: 1 },
    ],
  });
  const tar = imageTar({ layers: [{ 'bin/app': randomBytes(1_000_000) }] });
  await registry.client().push(tar, 'team/app:1.0');
  assert.deepEqual(registry.faults.pending, []);
});

void test('a registry that deletes nothing says so', async () => {
  await using registry = await startTestRegistry({ personality: 'docker-hub' });
  const client = registry.client();
  await client.push(imageTar(), 'team/app:1.0');
  await assert.rejects(client.deleteTag('team/app', '1.0'), UnsupportedError);
});
