import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { collect, RegistryClient, TarArchive } from '../../lib/index.js';
import { text } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { basicRegistry, integrationRegistry } from '../support/integration-registry.js';
import { planAndPush } from '../support/planned-push.js';
import { uniqueRepository } from '../support/unique.js';

/** All that hold an image; one of them was saved without the blobs of its images. */
const FIXTURES = (await readdir('spec/fixtures')).filter((name) => /^(?!.*missing-blobs).*\.tar$/.test(name));
const SIZES = [1_000_000, 300_000, 100_000, 1000];

describe('a plan of a push to a real registry', () => {
  const seed = randomUUID();
  let url: string;
  beforeAll(() => {
    ({ url } = integrationRegistry());
  });

  /** @param last - what the last layer holds */
  function image(last: string): Buffer {
    const layers = SIZES.map((size, i) => text(size, `${seed} ${i === SIZES.length - 1 ? last : i}`));
    return imageTar({ format: 'docker-25', layers }).tar;
  }

  describe.each(['gzip', 'none'] as const)('with compression %s', (compression) => {
    it('comes true cold, again, for a new tag, a changed layer and another repository', async () => {
      const repository = uniqueRepository('plan');
      const push = (tar: Buffer, name: string, options = {}) =>
        planAndPush({ url }, tar, name, { compression, ...options });
      const cold = await push(image('one'), `${repository}:1`);
      expect(cold.plan.counts).toMatchObject({ send: 5 });
      const again = await push(image('one'), `${repository}:1`);
      expect(again.plan).toMatchObject({ counts: { known: 5 }, tags: [{ action: 'keep' }], requests: { atMost: 1 } });
      const retagged = await push(image('one'), `${repository}:2`);
      expect(retagged.plan).toMatchObject({ counts: { known: 5 }, tags: [{ action: 'set' }] });
      const changed = await push(image('two'), `${repository}:2`);
      expect(changed.plan.counts).toMatchObject({ send: 2, known: 3 });
      const other = await push(image('two'), uniqueRepository('other'), { mountFrom: repository });
      expect(other.plan.counts).toMatchObject({ send: 0, mount: 5 });
      expect(other.plan.requests.atMost - other.plan.requests.atLeast).toBeLessThanOrEqual(1);
    });
  });

  it.each(FIXTURES)('comes true for each image of %s', async (name) => {
    const archive = await TarArchive.open(join('spec/fixtures', name));
    const { length } = archive.images;
    await archive.close();
    for (let i = 0; i < length; i++) {
      const repository = uniqueRepository('plan');
      await planAndPush({ url }, join('spec/fixtures', name), repository, { image: i });
      const again = await planAndPush({ url }, join('spec/fixtures', name), `${repository}:again`, { image: i });
      expect(again.plan.counts).toMatchObject({ send: 0 });
    }
  });

  it('leaves no repository behind', async () => {
    const repository = uniqueRepository('plan');
    const client = new RegistryClient({ url });
    await client.planPush(image('one'), repository);
    await expect(collect(client.listTags(repository))).rejects.toMatchObject({ name: 'NotFoundError' });
    await client.close();
  });

  it('comes true with a password', async () => {
    const { url: basic, ...credentials } = basicRegistry();
    // The first of them asks for the password.
    const { planning } = await planAndPush({ url: basic, credentials }, image('one'), uniqueRepository('plan'));
    expect(planning.length).toBeGreaterThan(1);
  });
});
