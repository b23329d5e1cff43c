import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LiveLines } from '../../../lib/cli/progress/live-lines.js';
import { TerminalScreen } from './screen.js';

describe('LiveLines', () => {
  let screen: TerminalScreen;
  let lines: string[];
  let live: LiveLines;
  beforeEach(() => {
    jest.useFakeTimers();
    screen = new TerminalScreen(40);
    screen.write('$ push\n');
    lines = ['all', 'a'];
    live = new LiveLines(screen.write, screen, () => lines);
  });
  afterEach(() => {
    live.stop();
    jest.useRealTimers();
  });

  function frame(): void {
    jest.advanceTimersByTime(100);
  }

  it('are drawn at once, and again as they change', () => {
    expect(screen.text).toBe('$ push\nall\na');
    lines = ['more', 'b'];
    frame();
    expect(screen.text).toBe('$ push\nmore\nb');
  });

  it('come and go', () => {
    lines = ['all', 'a', 'b', 'c'];
    frame();
    expect(screen.text).toBe('$ push\nall\na\nb\nc');
    lines = ['all'];
    frame();
    expect(screen.text).toBe('$ push\nall');
  });

  it('are written at once, so that nothing flickers', () => {
    const before = screen.writes;
    frame();
    expect(screen.writes - before).toBe(1);
  });

  it('let others pass above them, whole and in their order, however long they are', () => {
    live.pass('warning: one');
    live.pass('x'.repeat(90));
    frame();
    expect(screen.text).toBe(`$ push\nwarning: one\n${'x'.repeat(40)}\n${'x'.repeat(40)}\n${'x'.repeat(10)}\nall\na`);
  });

  it('are gone when they stop, but for what passed, the last of it too', () => {
    live.pass('one');
    frame();
    live.pass('two');
    live.stop();
    screen.write('done\n');
    expect(screen.text).toBe('$ push\none\ntwo\ndone');
  });

  it('draw nothing more when they have stopped', () => {
    live.stop();
    const before = screen.writes;
    frame();
    expect([screen.writes, jest.getTimerCount()]).toEqual([before, 0]);
  });

  it('leave the cursor below them and as it was between two frames, whatever ends the process then', () => {
    const written: string[] = [];
    new LiveLines(
      (text) => written.push(text),
      screen,
      () => lines,
    ).pass('one');
    frame();
    // eslint-disable-next-line no-control-regex -- that is how they begin
    const modes = written.join('').match(/\u001b\[\?\d+[hl]/g);
    expect([modes, written.every((text) => text.endsWith('\n'))]).toEqual([null, true]);
  });

  it('are found again by a terminal that became narrower and wrapped them', () => {
    lines = ['a'.repeat(39), '\u001b[2mb\u001b[22m', 'c'.repeat(39)];
    frame();
    screen.narrow(20);
    lines = ['a', 'b', 'c'];
    frame();
    expect(screen.text).toBe('$ push\na\nb\nc');
    screen.narrow(10);
    live.stop();
    expect(screen.text).toBe('$ push');
  });
});
