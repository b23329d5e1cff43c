import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { collect, InvalidArgumentError, NotFoundError, type RegistryClient } from '../../lib/index.js';
import {
  imageTar,
  isolatedRepository,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '../../lib/testing/index.js';

describe('isolatedRepository', () => {
  let registry: TestRegistry;

  const start = async (options: TestRegistryOptions = {}): Promise<RegistryClient> => {
    registry = await startTestRegistry({ sockets: false, ...options });
    return registry.client();
  };

  afterEach(() => {
    jest.restoreAllMocks();
    return registry.close();
  });

  it('has a name of its own each time', async () => {
    const client = await start();
    expect(isolatedRepository(client).name).toMatch(/^test-[0-9a-f]{12}$/);
    expect(isolatedRepository(client, 'team/app').name).toMatch(/^team\/app-[0-9a-f]{12}$/);
    expect(isolatedRepository(client).name).not.toBe(isolatedRepository(client).name);
    expect(() => isolatedRepository(client, 'Team')).toThrow(InvalidArgumentError);
  });

  it('deletes every manifest at its end, those of an index too, and nothing of others', async () => {
    const client = await start();
    await client.push(imageTar(), 'kept:1.0');
    const repository = isolatedRepository(client);
    const { name } = repository;
    const plain = await client.push(imageTar(), `${name}:1.0`);
    await client.tag(name, '1.0', 'again');
    const index = await client.push(imageTar({ platforms: ['linux/amd64', 'linux/arm64'] }), `${name}:2.0`);
    const { manifest } = await client.getManifest(name, '2.0');
    const children = 'manifests' in manifest ? manifest.manifests.map(({ digest }) => digest) : [];
    const { deleted, left } = await repository.cleanUp();
    expect(left).toEqual([]);
    expect([...deleted].sort()).toEqual([...new Set([plain.digest, index.digest, ...children])].sort());
    expect(await collect(client.listTags(name))).toEqual([]);
    expect(await client.resolve(name, index.digest)).toBeUndefined();
    expect(await collect(client.listTags('kept'))).toEqual(['1.0']);
  });

  it('has nothing to do where nothing was pushed, or all is deleted', async () => {
    const client = await start();
    const repository = isolatedRepository(client);
    expect(await repository.cleanUp()).toEqual({ deleted: [], left: [] });
    await client.push(imageTar(), `${repository.name}:1.0`);
    await repository.cleanUp();
    expect(await repository.cleanUp()).toEqual({ deleted: [], left: [] });
  });

  it.each(['distribution-2.8', 'distribution-3', 'ecr', 'google'] as const)('cleans up in %s', async (personality) => {
    const client = await start({ personality });
    const repository = isolatedRepository(client);
    const { digest } = await client.push(imageTar(), `${repository.name}:1.0`);
    await client.tag(repository.name, '1.0', '2.0');
    expect(await repository.cleanUp()).toEqual({ deleted: [digest], left: [] });
    await expect(client.getManifest(repository.name, '1.0')).rejects.toThrow(NotFoundError);
  });

  it('tells what a registry does not delete', async () => {
    const client = await start({ personality: 'ghcr' });
    const repository = isolatedRepository(client);
    const { digest } = await client.push(imageTar(), `${repository.name}:1.0`);
    const { deleted, left } = await repository.cleanUp();
    expect(deleted).toEqual([]);
    expect(left).toEqual([{ reference: `${repository.name}@${digest}`, reason: expect.stringMatching(/405/) }]);
  });

  it('tells so when it cannot even list', async () => {
    const client = await start({ faults: [{ path: '/tags/list', status: 403, times: Infinity }] });
    const repository = isolatedRepository(client);
    expect((await repository.cleanUp()).left).toEqual([
      { reference: repository.name, reason: expect.stringMatching(/403/) },
    ]);
  });

  it('cleans up at the end of a block, with a warning where it cannot', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const use = async (client: RegistryClient): Promise<string> => {
      await using repository = isolatedRepository(client);
      await client.push(imageTar(), `${repository.name}:1.0`);
      return repository.name;
    };
    const client = await start();
    expect(await collect(client.listTags(await use(client)))).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
    await registry.close();
    const name = await use(await start({ personality: 'docker-hub' }));
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(`^${name} is not cleaned up\\n${name}@sha256:`));
  });
});
