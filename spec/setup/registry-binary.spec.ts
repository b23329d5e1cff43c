import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { join } from 'node:path';
import { FakePrograms } from '../support/fake-programs.js';
import { onThePath, withApt } from './registry-binary.js';

const DISTRIBUTION = `console.log('registry github.com/distribution/distribution/v3 v3.0.0');`;

describe('the registry program', () => {
  let programs: FakePrograms;
  beforeEach(() => {
    programs = new FakePrograms({ alone: true });
  });
  afterEach(() => {
    programs.remove();
    jest.restoreAllMocks();
  });

  function launcher(name: string) {
    return { launcher: { kind: 'binary', path: join(programs.folder, name) } };
  }

  describe('on the PATH', () => {
    it('is found as docker-registry or as registry', async () => {
      expect(await onThePath.provide()).toBe('not found');
      programs.add('registry', DISTRIBUTION);
      expect(await onThePath.provide()).toEqual(launcher('registry'));
      programs.add('docker-registry', DISTRIBUTION);
      expect(await onThePath.provide()).toEqual(launcher('docker-registry'));
    });

    it('is not another program of that name', async () => {
      programs.add('docker-registry', `process.exit(1);`);
      programs.add('registry', `console.log('registry: edits the hives of a certain system');`);
      expect(await onThePath.provide()).toBe('not found');
    });
  });

  describe('with apt-get', () => {
    const asUser = (uid: number) => jest.spyOn(process, 'getuid').mockReturnValue(uid);

    it('is installed, after an update where there are no package lists yet', async () => {
      asUser(0);
      programs.add(
        'apt-get',
        `say(args.join(' ') + ' ' + process.env.DEBIAN_FRONTEND);
        if (args[0] === 'update') process.exit(0);
        if (fs.readFileSync(path.join(__dirname, 'log'), 'utf8').split('\\n').length < 3) process.exit(100);
        program('docker-registry', ${JSON.stringify(`#!${process.execPath}\n${DISTRIBUTION}`)});`,
      );
      expect(await withApt.provide()).toEqual(launcher('docker-registry'));
      const install = 'install --yes --no-install-recommends docker-registry noninteractive';
      expect(programs.log()).toEqual([install, 'update noninteractive', install]);
    });

    it('says why it was not installed', async () => {
      asUser(0);
      expect(await withApt.provide()).toBe('no apt-get');
      programs.add('apt-get', `console.error('E: no network'); process.exit(100);`);
      expect(await withApt.provide()).toContain('E: no network');
      asUser(1000);
      expect(await withApt.provide()).toBe('not root');
    });
  });
});
