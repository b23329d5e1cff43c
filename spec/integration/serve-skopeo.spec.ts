import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { onPath, run } from '../support/proc.js';
import { type Serving, startServing } from '../support/serving.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

/*
 * What another client pushes and pulls. Where skopeo is not installed nothing can be compared: the name of the spec says so.
 * CI installs it.
 */
const skopeo = onPath('skopeo');

const ARCHIVE = 'oci-archive:spec/fixtures/skopeo-oci-archive.tar';
const INDEX = 'oci-archive:spec/fixtures/skopeo-oci-archive-multi-platform.tar';

const folders = new TemporaryFolders();
let dir: string;
beforeAll(async () => {
  dir = await folders.make();
});
afterAll(() => folders.remove());

async function copy(from: string, to: string, ...options: readonly string[]): Promise<void> {
  const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  const { code, stderr } = await run('skopeo', ['copy', ...tls, ...options, from, to]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

async function served({ url }: Serving, path: string): Promise<string> {
  return (await fetch(`${url}/v2/${path}`)).text();
}

function describeCopies(way: string, optionsOf: () => readonly string[]): void {
  describe(`and serve ${way}`, () => {
    let serving: Serving;
    beforeAll(async () => {
      serving = await startServing(...optionsOf());
    });
    afterAll(() => serving.stop());

    it('copy an image in, on, and out again, unchanged', async () => {
      await copy(ARCHIVE, `docker://${serving.host}/team/app:1`, '--preserve-digests');
      await copy(`docker://${serving.host}/team/app:1`, `docker://${serving.host}/other/app:2`, '--preserve-digests');
      const target = join(dir, `out-${serving.child.pid}`);
      await copy(`docker://${serving.host}/other/app:2`, `dir:${target}`);
      const manifest = await served(serving, 'team/app/manifests/1');
      expect(await readFile(join(target, 'manifest.json'), 'utf8')).toBe(manifest);
    });

    it('copy all platforms of an index in and out', async () => {
      await copy(INDEX, `docker://${serving.host}/team/multi:1`, '--all');
      await copy(`docker://${serving.host}/team/multi:1`, `dir:${join(dir, `multi-${serving.child.pid}`)}`, '--all');
    });
  });
}

function describeFolder(): void {
  describe('and the folder of serve --dir', () => {
    it('read it while it is served', async () => {
      const images = join(dir, 'read');
      const serving = await startServing('--dir', images);
      await copy(ARCHIVE, `docker://${serving.host}/team/app:1`);
      const manifest = await served(serving, 'team/app/manifests/1');
      const { stdout, stderr } = await run('skopeo', ['inspect', '--raw', `oci:${images}:team/app:1`]);
      expect({ stdout, stderr }).toEqual({ stdout: manifest, stderr: '' });
      await copy(`oci:${images}:team/app:1`, `dir:${join(dir, 'read-out')}`);
      await serving.stop();
    });

    it('write into it while it is not', async () => {
      const images = join(dir, 'written');
      await copy(ARCHIVE, `oci:${images}:team/app:1`);
      const serving = await startServing('--dir', images);
      await copy(`docker://${serving.host}/team/app:1`, `dir:${join(dir, 'written-out')}`);
      await copy(ARCHIVE, `docker://${serving.host}/team/app:2`);
      await serving.stop();
      await copy(INDEX, `oci:${images}:team/app:3`, '--all');
      const again = await startServing('--dir', images);
      expect(JSON.parse(await served(again, 'team/app/tags/list'))).toEqual({
        name: 'team/app',
        tags: ['1', '2', '3'],
      });
      await copy(`docker://${again.host}/team/app:3`, `dir:${join(dir, 'written-again')}`, '--all');
      await again.stop();
    });
  });
}

describe(skopeo ? 'skopeo' : 'skopeo (not installed: apt-get install skopeo)', () => {
  if (skopeo) {
    describeCopies('in memory', () => []);
    describeCopies('over a folder', () => ['--dir', join(dir, 'images')]);
    describeFolder();
  } else {
    it('is not here to be asked', () => expect(skopeo).toBeUndefined());
  }
});
