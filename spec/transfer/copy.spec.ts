import { afterEach, describe, expect, it } from '@jest/globals';
import { DigestMismatchError } from '../../lib/errors.js';
import { imageTar } from '../../lib/testing/image-tar.js';
import { startTestRegistry, type TestRegistry } from '../../lib/testing/test-registry.js';
import type { CopyEvent } from '../../lib/transfer/copy.js';

describe('Copy', () => {
  const registries: TestRegistry[] = [];

  afterEach(async () => {
    await Promise.all(registries.splice(0).map((registry) => registry.close()));
  });

  /** Two registries; the first one has an image, and damages what it gives of blobs as often as said. */
  const damaging = async (times: number) => {
    const source = await startTestRegistry({
      sockets: false,
      faults: [{ on: 'GET', path: '/blobs/', flipBit: 100, times }],
    });
    const target = await startTestRegistry({ sockets: false });
    registries.push(source, target);
    await source.client().push(imageTar({ layers: [{ motd: 'hello\n'.repeat(1000) }] }), 'team/app:1.0');
    return { source, target };
  };

  it('takes a blob once more that was damaged on its way', async () => {
    const { source, target } = await damaging(1);
    const events: CopyEvent[] = [];
    const to = target.client();
    const copied = await source
      .client()
      .copy('team/app:1.0', 'copy/app', { to, onProgress: (event) => events.push(event) });
    expect(source.faults.fired).toHaveLength(1);
    const { digest } = copied;
    expect(events.at(-1)).toEqual({ state: 'tagged', reference: `${to.registry}/copy/app:1.0`, digest });
    expect(await to.resolve('copy/app', '1.0')).toMatchObject({ digest: copied.digest });
    const sent = new Map(
      events.flatMap((event) => (event.state === 'progress' ? [[event.descriptor, event.sent] as const] : [])),
    );
    for (const [descriptor, bytes] of sent) expect(bytes).toBe(descriptor.size);
  });

  it('fails when it is damaged every time, and leaves no tag', async () => {
    const { source, target } = await damaging(Infinity);
    const copying = source.client().copy('team/app:1.0', 'copy/app', { to: target.client() });
    await expect(copying).rejects.toBeInstanceOf(DigestMismatchError);
    expect(await target.client().resolve('copy/app', '1.0')).toBeUndefined();
  });
});
