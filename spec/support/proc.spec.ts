import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FakePrograms } from './fake-programs.js';
import { onPath, run, runNode, start } from './proc.js';

describe('running programs', () => {
  let programs: FakePrograms;
  beforeEach(() => {
    programs = new FakePrograms();
  });
  afterEach(() => programs.remove());

  it('tells the exit code, what was written, and passes arguments, input and environment on', async () => {
    programs.add(
      'tool',
      `process.stdin.pipe(process.stdout); console.error(args, process.env.COLOUR); process.exitCode = 3;`,
    );
    const result = await run('tool', ['a b', '$HOME'], {
      input: Readable.from(['in', 'put']),
      env: { COLOUR: 'blue' },
    });
    expect(result).toEqual({ code: 3, signal: null, stdout: 'input', stderr: `[ 'a b', '$HOME' ] blue\n`, peakRss: 0 });
  });

  it('gives no input when there is none, and survives a program that reads none', async () => {
    programs.add('count', `process.stdin.on('end', () => console.log('end')).resume();`);
    expect((await run('count')).stdout).toBe('end\n');
    programs.add('deaf', `process.exit(0);`);
    expect((await run('deaf', [], { input: Buffer.alloc(1_000_000) })).code).toBe(0);
  });

  it('ends a program that takes too long, or is sent a signal', async () => {
    programs.add('sleeps', `setInterval(() => {}, 1000); console.log('ready');`);
    expect(await run('sleeps', [], { timeoutMs: 300 })).toMatchObject({ code: null, signal: 'SIGTERM' });
    const { child, result } = start('sleeps');
    child.stdout?.once('data', () => child.kill('SIGINT'));
    expect(await result).toMatchObject({ signal: 'SIGINT' });
  });

  it('measures the memory of a script, and not ours', async () => {
    programs.add('small.cjs', `console.log(args.join());`);
    programs.add('large.cjs', `Buffer.alloc(200e6, 1);`);
    const ours = Buffer.alloc(300e6, 1);
    const small = await runNode(join(programs.folder, 'small.cjs'), ['x', 'y']);
    expect(small).toMatchObject({ code: 0, stdout: 'x,y\n', stderr: '' });
    expect(small.peakRss).toBeGreaterThan(10e6);
    expect(small.peakRss).toBeLessThan(ours.length);
    expect((await runNode(join(programs.folder, 'large.cjs'))).peakRss).toBeGreaterThan(small.peakRss + 150e6);
  });

  it('rejects when there is no such program', async () => {
    await expect(run('no-such-program')).rejects.toThrow('ENOENT');
  });

  it('finds programs on the PATH', () => {
    programs.add('tool', '');
    expect(onPath('tool')).toBe(join(programs.folder, 'tool'));
    expect(onPath('no-such-program')).toBeUndefined();
  });

  it('leaves nothing of a fake program', () => {
    const folder = new FakePrograms();
    const path = process.env.PATH;
    folder.remove();
    expect(existsSync(folder.folder)).toBe(false);
    expect(process.env.PATH).not.toBe(path);
  });
});
