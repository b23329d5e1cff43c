import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '../../lib/testing/index.js';
import { onPath, run } from '../support/proc.js';

/*
 * What another client makes of the authentication and the personalities of the test kit. Where skopeo is not installed nothing
 * can be compared: the name of the spec says so. CI installs it.
 */
const skopeo = onPath('skopeo');

const ARCHIVE = 'oci-archive:spec/fixtures/skopeo-oci-archive.tar';

function describeCopies(): void {
  let registry: TestRegistry;
  afterEach(() => registry.close());

  const copy = async (...options: readonly string[]) => {
    const target = `${registry.url.replace('http:', 'docker:')}/team/app:1`;
    return run('skopeo', ['copy', '--dest-tls-verify=false', '--preserve-digests', ...options, ARCHIVE, target]);
  };

  it.each<TestRegistryOptions>([
    { auth: 'basic' },
    { auth: 'bearer' },
    { personality: 'distribution-2.8' },
    { personality: 'distribution-3' },
    { personality: 'ecr', auth: 'basic' },
    { personality: 'ghcr', auth: 'bearer' },
    { personality: 'google', auth: 'bearer' },
    { personality: 'docker-hub', auth: 'bearer' },
  ])('puts an image into the test registry %j', async (options) => {
    registry = await startTestRegistry(options);
    const { username, password } = registry.credentials ?? {};
    const { code, stderr } = await copy(...(username === undefined ? [] : [`--dest-creds=${username}:${password}`]));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await registry.client().resolve('team/app', '1')).toBeDefined();
  });

  it.each(['basic', 'bearer'] as const)('is refused with a wrong password, auth %s', async (auth) => {
    registry = await startTestRegistry({ auth });
    const { code, stderr } = await copy('--dest-creds=test:guess');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/unauthorized|invalid username\/password/i);
  });
}

describe(skopeo ? 'skopeo' : 'skopeo (not installed: apt-get install skopeo)', () => {
  if (skopeo) describeCopies();
  else it('is not here to be asked', () => expect(skopeo).toBeUndefined());
});
