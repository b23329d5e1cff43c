import { describe, expect, it } from '@jest/globals';
import { styleFor } from '../../lib/cli/style.js';

describe('styleFor', () => {
  it.each<[words: string, isTTY: boolean, env: Record<string, string>, coloured: boolean]>([
    ['a terminal', true, { TERM: 'xterm' }, true],
    ['a pipe', false, { TERM: 'xterm' }, false],
    ['a terminal that can do nothing', true, { TERM: 'dumb' }, false],
    ['who wants none', true, { NO_COLOR: '1' }, false],
    ['who wants none, in any words', true, { NO_COLOR: 'false' }, false],
    ['who says nothing of it', true, { NO_COLOR: '' }, true],
    ['a pipe that takes them', false, { FORCE_COLOR: '1' }, true],
    ['a terminal that takes none', true, { FORCE_COLOR: '0' }, false],
    ['who wants both, as Node sees it', true, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('has colours as %s needs it', (_, isTTY, env, coloured) => {
    expect(styleFor({ isTTY }, env).bad('error:') !== 'error:').toBe(coloured);
  });

  it('takes a colour back where the word ends', () => {
    expect(styleFor({}, { FORCE_COLOR: '1' }).warning('x')).toBe('\u001b[33mx\u001b[39m');
  });
});
