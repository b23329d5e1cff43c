import { describe, expect, it } from '@jest/globals';
import { rootsOf } from '../../lib/archive/oci-names.js';
import { digestOf } from '../../lib/oci/digest.js';

function listed(content: string, annotations?: Record<string, string>) {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return { mediaType, digest: digestOf(content), size: 2, ...(annotations ? { annotations } : {}) };
}

function tagsOf(annotations: Record<string, string>): readonly string[] {
  return rootsOf([listed('a', annotations)])[0]!.tags;
}

const CONTAINERD = 'io.containerd.image.name';
const OCI = 'org.opencontainers.image.ref.name';

describe('rootsOf', () => {
  it('lists a manifest once, with all its names, in the order they come', () => {
    const roots = rootsOf([
      listed('a', { [OCI]: 'app:1' }),
      listed('b', { [OCI]: 'other:1' }),
      listed('a', { [OCI]: 'app:2' }),
      listed('a', { [OCI]: 'app:1' }),
      listed('a'),
    ]);
    expect(roots.map(({ descriptor, tags }) => [descriptor.digest, tags])).toEqual([
      [digestOf('a'), ['app:1', 'app:2']],
      [digestOf('b'), ['other:1']],
    ]);
  });

  it('lists nothing for nothing', () => {
    expect(rootsOf([])).toEqual([]);
  });

  it('prefers the full name of containerd to the tag beside it', () => {
    expect(tagsOf({ [CONTAINERD]: 'docker.io/library/app:1', [OCI]: '1' })).toEqual(['docker.io/library/app:1']);
    expect(tagsOf({ [CONTAINERD]: 'docker.io/team/app:1', [OCI]: 'full/name:2' })).toEqual(['docker.io/team/app:1']);
  });

  it.each(['localhost:5000/a/b:c', 'app:1', 'team/app', 'registry.example.com:8443/a/b/c/app:x'])(
    'takes the name %s',
    (name) => {
      expect(tagsOf({ [OCI]: name })).toEqual([name]);
    },
  );

  it.each([
    'latest',
    '1.0',
    '',
    'multi',
    'team/UPPER:1',
    'a/../../b:1',
    'app:',
    'app:bad tag',
    `app@${digestOf('x')}`,
    `app:1@${digestOf('x')}`,
    'app:\u001b[2J',
    'https://example.com/app',
  ])('takes %j for no name, because it names no repository or breaks the grammar', (name) => {
    expect(tagsOf({ [OCI]: name })).toEqual([]);
  });

  it('falls back where the name of containerd is none', () => {
    expect(tagsOf({ [CONTAINERD]: 'overlayfs@sha256:1', [OCI]: 'app:1' })).toEqual(['app:1']);
  });
});
