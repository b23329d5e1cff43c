import { describe, expect, it, jest } from '@jest/globals';
import { TarArchive } from '../../../lib/index.js';
import { Archives } from '../archives.js';
import { cli } from '../fake-io.js';

describe('registry-client validate', () => {
  const archives = new Archives();

  it('says that an archive is valid', async () => {
    const tar = await archives.write();
    expect(await cli(['validate', tar])).toEqual({ code: 0, out: `${tar} is a valid image archive\n`, err: '' });
    expect(JSON.parse((await cli(['validate', tar, '--json'])).out)).toEqual({ valid: true, problems: [] });
  });

  it('prints each problem on a line of its own, and counts them', async () => {
    const tar = 'spec/fixtures/docker-26-containerd-missing-blobs.tar';
    const { code, out, err } = await cli(['validate', tar]);
    expect(code).toBe(3);
    expect(out.match(/^blobs\/sha256\/[0-9a-f]{64} is not in the archive.*$/gm)).toHaveLength(6);
    expect(err).toBe(`error: ${tar} is not a valid image archive: 6 problems\n`);
  });

  it('counts one problem as one', async () => {
    const { out, err } = await cli(['validate', await archives.write({ wrongDiffId: 0 })]);
    expect(out).toMatch(/^blobs\/sha256\/[0-9a-f]{64} has the diff_id .*\n$/);
    expect(err).toMatch(/: 1 problem\n$/);
  });

  it('prints the report as JSON', async () => {
    const { code, out } = await cli(['validate', await archives.write({ wrongDiffId: 0 }), '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toEqual({
      valid: false,
      problems: [{ entry: expect.any(String), message: expect.stringContaining('diff_id') }],
    });
  });

  it('prints the same when it is quiet, and the error all the same', async () => {
    const tar = await archives.write();
    expect(await cli(['validate', tar, '-q'])).toEqual({ code: 0, out: `${tar} is a valid image archive\n`, err: '' });
    const wrong = ['validate', await archives.write({ wrongDiffId: 0 })];
    expect(await cli([...wrong, '--quiet'])).toEqual(await cli(wrong));
  });

  it.each([[[]], [['--json']]])('lets no text of the archive steer the terminal, with %p', async (flags) => {
    const problems = [{ entry: '\u001b[2J', message: 'is\nfine \u009b31m' }];
    const report = jest.spyOn(TarArchive.prototype, 'validate').mockResolvedValue({ valid: false, problems });
    const { code, out, err } = await cli(['validate', await archives.write(), ...flags]);
    report.mockRestore();
    expect(code).toBe(3);
    expect(out).toContain('\\u001b[2J');
    expect(out).toContain('\\u009b31m');
    // eslint-disable-next-line no-control-regex -- these are what it is about
    expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('fails where there is nothing to validate', async () => {
    expect(await cli(['validate', 'nowhere.tar'])).toEqual({
      code: 3,
      out: '',
      err: expect.stringContaining('there is no file nowhere.tar'),
    });
  });
});
