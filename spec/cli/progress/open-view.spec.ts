import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type Report, withView } from '../../../lib/cli/progress/open-view.js';
import type { TransferFlags } from '../../../lib/cli/flags.js';
import { until } from '../../support/test-server.js';
import { FakeIo } from '../fake-io.js';
import { ended, layer, planned, progress } from './events.js';
import { TerminalScreen } from './screen.js';

const terminal = { isTTY: true, columns: 80, rows: 24 };
const blob = layer('a', 2_000_000);

/** Does no more than say what it would do. */
async function idle(report: Report): Promise<void> {
  report?.(planned(1, blob.size));
  report?.(ended('exists', blob));
  return Promise.resolve();
}

function ioOf(env: Record<string, string>, screen: object): FakeIo {
  return Object.assign(new FakeIo(env), { screen });
}

describe('withView', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each<[string, Record<string, string>, object, TransferFlags['progress'], quiet: boolean, RegExp]>([
    ['lines where nobody looks', {}, {}, 'auto', false, /^pushing 1 blob, 2.0 MB\n\[1\/1\] already there/],
    ['bars on a terminal', { TERM: 'xterm' }, terminal, 'auto', false, /^done: 1 already there, in /],
    ['lines on one that can do nothing', { TERM: 'dumb' }, terminal, 'auto', false, /^pushing 1 blob/],
    ['lines in a CI job', { CI: 'true' }, terminal, 'auto', false, /^pushing 1 blob/],
    ['bars where CI says no', { CI: 'false' }, terminal, 'auto', false, /^done: 1 already there/],
    ['bars where they are asked for', { CI: '1', TERM: 'dumb' }, terminal, 'bars', false, /^done: /],
    ['lines where they are asked for', {}, terminal, 'plain', false, /^pushing 1 blob/],
    ['JSON where it is asked for', {}, terminal, 'json', false, /^\{"state":"planned"/],
    ['nothing where that is asked for', {}, terminal, 'none', false, /^$/],
    ['nothing to who wants quiet', {}, terminal, 'bars', true, /^$/],
  ])('shows %s', async (_, env, screen, kind, quiet, expected) => {
    const io = ioOf({ NO_COLOR: '1', ...env }, screen);
    await withView('push', { progress: kind, quiet }, io, idle);
    expect(io.err).toMatch(expected);
  });

  it('refuses bars where there is nothing to draw them on', async () => {
    const transfer = jest.fn(idle);
    await expect(withView('push', { progress: 'bars' }, new FakeIo(), transfer)).rejects.toThrow(
      '--progress bars needs a terminal',
    );
    expect(transfer).not.toHaveBeenCalled();
  });

  it('gives back what the transfer gives', async () => {
    expect(await withView('pull', { progress: 'plain' }, new FakeIo(), async () => Promise.resolve(7))).toBe(7);
  });

  describe('with bars', () => {
    const env = { LANG: 'C', NO_COLOR: '1' };

    function drawing(): { io: FakeIo; screen: TerminalScreen } {
      const screen = new TerminalScreen(80);
      return { io: Object.assign(new FakeIo(env), { screen, stderr: screen.write }), screen };
    }

    it('draws while bytes move, with warnings above, and leaves what came of it', async () => {
      const { io, screen } = drawing();
      await withView('push', { progress: 'auto' }, io, async (report) => {
        report?.(planned(1, blob.size));
        report?.({ state: 'warning', message: 'early' });
        report?.(progress(blob, 1_000_000));
        await until(() => screen.text.includes('aaaaaaaaaaaa'), 'a bar');
        expect(screen.text).toMatch(/^warning: early\npushing +#+-+ +50 %.*\n0 of 1 blob\na{12} +#+-+ +50 %/);
        report?.({ state: 'warning', message: 'late \u001b[2J' });
        report?.({ state: 'retry', blob });
        report?.(ended('uploaded', blob));
        await until(() => screen.text.includes('1 of 1 blob'), 'the end of the blob');
        expect(screen.text).toMatch(/^warning: early\nwarning: late \\u001b\[2J\nretrying a{12}\/layer.tar\npushing /);
        report?.({ state: 'tagged', reference: 'host/app:1', digest: 'sha256:m' });
      });
      const [, , , tagged, done, ...rest] = screen.text.split('\n');
      expect([tagged, done, rest]).toEqual([
        'tagged host/app:1',
        expect.stringMatching(/^done: 1 uploaded, 1 retry; /),
        [],
      ]);
    });

    it('is gone before the error is told, and says how far it came', async () => {
      const { io, screen } = drawing();
      const failing = withView('copy', { progress: 'auto' }, io, async (report) => {
        report?.(planned(2, 4_000_000));
        report?.(ended('mounted', layer('b', 1_000_000)));
        report?.(progress(blob, 1_000_000));
        await until(() => screen.text.includes('copying'), 'a bar');
        throw new Error('broken');
      });
      await expect(failing).rejects.toThrow('broken');
      expect(screen.text).toBe('not done: 1 of 2 blobs, 2.0 MB of 4.0 MB');
    });

    it('draws nothing that began when all was over', async () => {
      const { io, screen } = drawing();
      await withView('push', { progress: 'auto' }, io, async (report) => Promise.resolve(report?.(progress(blob, 1))));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(screen.text).toMatch(/^done: .*$/);
    });
  });
});
