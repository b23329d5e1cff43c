import { describe, expect, it } from '@jest/globals';
import { type RegistryClientError, UnsupportedError } from '../../lib/errors.js';
import { imageTar } from '../../lib/testing/image-tar.js';
import { startTestRegistry, type TestRegistryOptions } from '../../lib/testing/test-registry.js';

describe('deleteTag', () => {
  /** What a registry's refusal to delete a tag becomes. */
  async function refusal(options: TestRegistryOptions): Promise<RegistryClientError> {
    const registry = await startTestRegistry({ sockets: false, ...options });
    const client = registry.client();
    await client.push(imageTar({ layers: [{ motd: 'hello' }] }), 'team/app:1');
    const error = await client.deleteTag('team/app', '1').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UnsupportedError);
    await registry.close();
    return error as RegistryClientError;
  }

  it.each<[string, TestRegistryOptions]>([
    ['takes a tag for a malformed digest', { personality: 'distribution-2.8' }],
    ['has no such route', { faults: [{ on: 'DELETE', status: 405, code: 'METHOD_NOT_ALLOWED' }] }],
  ])('names the way round, in code and on a command line, where the registry %s', async (_, options) => {
    expect((await refusal(options)).message).toContain('With the option fallback (--fallback) the tag gets an image');
  });

  it.each(['ghcr', 'docker-hub'] as const)(
    'names none where the registry deletes nothing (%s)',
    async (personality) => {
      const { message, hint } = await refusal({ personality });
      expect(message).toMatch(/cannot delete a single tag: .*405/);
      expect([message.includes('fallback'), hint]).toEqual([false, undefined]);
    },
  );
});
