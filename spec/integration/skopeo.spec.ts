import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PushedImage, RegistryClient } from '../../lib/index.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { onPath, run } from '../support/proc.js';
import { uniqueRepository } from '../support/unique.js';

/*
 * What we push, another client must take. Where skopeo is not installed nothing can be compared: the name of the spec says so.
 * CI installs it.
 */
const skopeo = onPath('skopeo');

const ARCHIVES = [
  'docker-20.10-multi-tag.tar',
  'docker-26-multi-tag.tar',
  'skopeo-docker-archive.tar',
  'skopeo-oci-archive.tar',
];

function describeCopies(): void {
  let client: RegistryClient;
  let folder: string;
  beforeAll(async () => {
    client = new RegistryClient({ url: integrationRegistry().url });
    folder = await mkdtemp(join(tmpdir(), 'skopeo-spec-'));
  });
  afterAll(async () => {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  });

  function push(archive: string): Promise<PushedImage> {
    return client.push(join('spec/fixtures', archive), uniqueRepository('skopeo'));
  }

  it.each(ARCHIVES)('inspects what was pushed from %s', async (archive) => {
    const pushed = await push(archive);
    const { code, stdout, stderr } = await run('skopeo', [
      'inspect',
      '--tls-verify=false',
      `docker://${pushed.reference}`,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const seen = JSON.parse(stdout) as { Digest: string; Architecture: string; Layers: string[] };
    expect(seen).toMatchObject({ Digest: pushed.digest, Architecture: 'amd64' });
    expect(seen.Layers).toHaveLength(6);
  });

  it.each(ARCHIVES)('copies what was pushed from %s out of the registry', async (archive) => {
    const pushed = await push(archive);
    const target = join(folder, archive);
    const { code, stderr } = await run('skopeo', [
      'copy',
      '--src-tls-verify=false',
      `docker://${pushed.reference}`,
      `dir:${target}`,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const manifest = JSON.parse(await readFile(join(target, 'manifest.json'), 'utf8')) as { layers: unknown[] };
    expect(manifest.layers).toHaveLength(6);
  });

  it('copies all platforms of an index', async () => {
    const pushed = await push('skopeo-oci-archive-multi-platform.tar');
    const args = [
      'copy',
      '--all',
      '--src-tls-verify=false',
      `docker://${pushed.reference}`,
      `dir:${join(folder, 'index')}`,
    ];
    const { code, stderr } = await run('skopeo', args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
}

describe(skopeo ? 'skopeo' : 'skopeo (not installed: apt-get install skopeo)', () => {
  if (skopeo) describeCopies();
  else it('is not here to be asked', () => expect(skopeo).toBeUndefined());
});
