import { describe, expect, it } from '@jest/globals';
import { RegistryClient } from '../../lib/index.js';
import { imageTar } from '../../lib/testing/index.js';
import { freePort } from '../support/registry-process.js';
import { startLocal } from '../support/local-registry.js';

describe('npm run registry, with what this machine has', () => {
  it.each([
    ['plain', {}],
    ['auth', { credentials: { username: 'tester', password: 'spec-password' } }],
  ])('starts the one that is %s, which takes a push and asks whom it should', async (kind, options) => {
    const port = await freePort();
    const registry = await startLocal(kind, port);
    try {
      expect(registry.said).toMatch(/ is (docker-registry|registry|"registry(-basic)?" of docker-compose.yml)\./);
      const url = `http://localhost:${port}`;
      expect((await fetch(`${url}/v2/`)).status).toBe(kind === 'auth' ? 401 : 200);
      await using client = new RegistryClient({ url, ...options });
      const { digest } = await client.push(imageTar({ layers: [{ 'etc/motd': 'hello' }] }), 'team/app:1');
      expect((await client.resolve('team/app', '1'))?.digest).toBe(digest);
    } finally {
      expect(await registry.stop()).toMatchObject({ code: 0, stderr: '' });
    }
  });
});
