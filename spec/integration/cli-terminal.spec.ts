import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TerminalScreen } from '../cli/progress/screen.js';
import { noise } from '../support/content.js';
import { imageTar } from '../support/image-tar.js';
import { integrationRegistry } from '../support/integration-registry.js';
import { until } from '../support/test-server.js';
import { uniqueRepository } from '../support/unique.js';

const MAIN = resolve('dist/cli/main.js');
const COLUMNS = 72;
const CTRL_C = '\u0003';

/** A real terminal, by way of script(1), which every Debian has. */
class Terminal {
  readonly screen = new TerminalScreen(COLUMNS);
  output = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown[]>;

  constructor(command: string, env: Record<string, string>) {
    const line = `stty cols ${COLUMNS} rows 24; exec ${command}`;
    this.child = spawn('script', ['-qec', line, '/dev/null'], {
      env: { ...process.env, CI: '', TERM: 'xterm', LC_ALL: 'C.UTF-8', NO_COLOR: '1', SHELL: '/bin/sh', ...env },
    });
    this.ended = once(this.child, 'exit');
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.screen.write(text);
    });
  }

  type(text: string): void {
    this.child.stdin!.write(text);
  }

  async end(): Promise<unknown> {
    const [code] = await this.ended;
    return code;
  }

  close(): void {
    this.child.kill();
  }
}

describe('registry-client on a terminal', () => {
  const { tar } = imageTar({ format: 'docker-25', layers: [noise(3_000_000)] });
  const host = new URL(integrationRegistry().url).host;
  let folder: string;
  let pipe: FileHandle;
  let terminal: Terminal;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cli-terminal-'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
  });
  afterEach(async () => {
    terminal.close();
    await pipe.close().catch(() => undefined);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A push that waits for the second half of its archive. */
  async function pushHalf(): Promise<string> {
    const reference = `${host}/${uniqueRepository('terminal')}:1`;
    terminal = new Terminal(`'${process.execPath}' '${MAIN}' push - ${reference} < '${folder}/pipe'`, {
      DOCKER_CONFIG: folder,
    });
    pipe = await open(join(folder, 'pipe'), 'w');
    await pipe.writeFile(tar.subarray(0, 2_000_000));
    await until(() => terminal.screen.text.includes('pushing '), 'bars on the screen', 20_000);
    return reference;
  }

  it('draws bars while a push is under way, and leaves its result on a screen in order', async () => {
    const reference = await pushHalf();
    await until(() => /^[0-9a-z./:]+ +█+░+ +\d+ %/m.test(terminal.screen.text), 'the bar of a layer', 20_000);
    await pipe.writeFile(tar.subarray(2_000_000));
    await pipe.close();
    expect(await terminal.end()).toBe(0);
    const [tagged, done, ...result] = terminal.screen.text.split('\n');
    expect(tagged).toBe(`tagged ${reference}`);
    expect(done).toMatch(/^done: \d uploaded; \d\.\d MB in .* s \(/);
    expect(result.join('')).toMatch(new RegExp(`^${reference}@sha256:[0-9a-f]{64}$`));
  });

  it('clears them at Ctrl+C, says how far it came, and ends with 130', async () => {
    await pushHalf();
    terminal.type(CTRL_C);
    expect(await terminal.end()).toBe(130);
    expect(terminal.screen.text).toMatch(/not done: \d blobs?, \d.*B$/);
    expect(terminal.screen.text).not.toContain('pushing ');
  });

  it('clears them before it says what went wrong', async () => {
    await pushHalf();
    await pipe.close();
    expect(await terminal.end()).toBe(3);
    expect(terminal.screen.text).toMatch(/^not done: .*\nerror: /);
  });

  it('changes no mode of the terminal that somebody would have to change back', async () => {
    await pushHalf();
    terminal.type(CTRL_C);
    await terminal.end();
    // eslint-disable-next-line no-control-regex -- that is how they begin
    expect(terminal.output.match(/\u001b\[\?\d+[hl]|\u001b[78]/g)).toBeNull();
  });
});
