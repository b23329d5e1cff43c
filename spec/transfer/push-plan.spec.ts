import { describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { EmbeddedRegistry, EmbeddedTransport, Personality, type PersonalityName } from '../../lib/testing/index.js';
import { InvalidArgumentError, type PlanInput, RegistryClient, type RegistryClientConfig } from '../../lib/index.js';
import { text } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { planAndPush } from '../support/planned-push.js';

const FIXTURES = (await readdir('spec/fixtures')).filter((name) =>
  /^(?!.*(missing-blobs|untagged)).*\.tar$/.test(name),
);
const PERSONALITIES: (PersonalityName | undefined)[] = [
  undefined,
  'distribution-2.8',
  'distribution-3',
  'ecr',
  'ghcr',
  'google',
  'docker-hub',
];

const LAYERS = [text(400_000, 'large'), text(300_000, 'next'), text(100_000, 'small'), text(1000, 'tiny')];
const CHANGED = [...LAYERS.slice(0, 3), text(1000, 'changed')];

function registryAs(personality?: PersonalityName): RegistryClientConfig {
  const registry = new EmbeddedRegistry();
  const handler = personality === undefined ? registry : new Personality(registry, personality);
  return { url: 'http://registry.test', transport: new EmbeddedTransport(handler) };
}

describe('a plan of a push', () => {
  describe.each(PERSONALITIES)('to %s', (personality) => {
    describe.each(['gzip', 'none'] as const)('with compression %s', (compression) => {
      it('comes true for a cold push, the same again, a new tag, a changed layer, and another repository', async () => {
        const config = registryAs(personality);
        const image = imageTar({ format: 'docker-25', layers: LAYERS }).tar;
        const changed = imageTar({ format: 'docker-25', layers: CHANGED }).tar;
        const push = (tar: Buffer, name: string, options = {}) =>
          planAndPush(config, tar, name, { compression, ...options });
        const cold = await push(image, 'team/app:1');
        expect(cold.plan.counts).toEqual({ send: 5, mount: 0, skip: 0, known: 0 });
        const again = await push(image, 'team/app:1');
        expect(again.plan).toMatchObject({ counts: { send: 0, known: 5 }, tags: [{ action: 'keep' }] });
        const retagged = await push(image, 'team/app:2');
        expect(retagged.plan).toMatchObject({ counts: { send: 0, known: 5 }, tags: [{ action: 'set' }] });
        const other = await push(changed, 'team/app:1');
        expect(other.plan.counts).toEqual({ send: 2, mount: 0, skip: 0, known: 3 });
        expect(other.plan.tags[0]!.before).toBe(cold.pushed[0]!.digest);
        const mounted = await push(changed, 'team/other:1', { mountFrom: 'team/app' });
        expect(mounted.plan.counts).toEqual({ send: 0, mount: 5, skip: 0, known: 0 });
      });
    });
  });
});
