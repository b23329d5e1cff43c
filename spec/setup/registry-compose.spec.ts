import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakePrograms } from '../support/fake-programs.js';
import { startRegistry } from '../support/registry-process.js';
import { withCompose } from './registry-compose.js';
import type { Provided } from './way.js';

describe('the registries of docker-compose.yml', () => {
  let programs: FakePrograms;
  beforeEach(() => {
    programs = new FakePrograms();
  });
  afterEach(() => programs.remove());

  const composeCalls = () => programs.log().map((line) => line.replace(/^compose --file \S+docker-compose.yml /, ''));

  it('are started and, at the end, stopped', async () => {
    programs.add('docker', `say(args.join(' '));`);
    const { launcher, running, undo } = (await withCompose.provide()) as Provided;
    expect(launcher).toEqual({ kind: 'docker', image: 'registry:2.8.3' });
    expect(running).toEqual({ plain: 'http://127.0.0.1:15000', basic: 'http://127.0.0.1:15001' });
    await undo?.();
    expect(composeCalls()).toEqual(['info', 'ps --quiet', 'up --detach --wait', 'down --volumes']);
  });

  it('are left running when somebody else had started them', async () => {
    programs.add('docker', `say(args.join(' ')); if (args.includes('ps')) console.log('0123abcd');`);
    const { undo } = (await withCompose.provide()) as Provided;
    await undo?.();
    expect(composeCalls()).toEqual(['info', 'ps --quiet', 'up --detach --wait']);
  });

  it('are not there without a daemon, in its own words', async () => {
    programs.add('docker', `console.error('Cannot connect to the Docker daemon'); process.exit(1);`);
    expect(await withCompose.provide()).toBe('Cannot connect to the Docker daemon');
  });
});

describe('a registry that a spec starts with Docker', () => {
  /** Answers where the registry would, and ends when told to by a second call, as a container does. */
  const DOCKER = `
    say(args.join(' '));
    const pidFile = path.join(__dirname, args[0] === 'run' ? args[args.indexOf('--name') + 1] : args.at(-1));
    if (args[0] === 'kill') process.kill(Number(fs.readFileSync(pidFile, 'utf8')), args[2]);
    else {
      const [host, port] = args[args.indexOf('-p') + 1].split(':');
      fs.writeFileSync(pidFile, String(process.pid));
      require('node:http').createServer((_, response) => response.end()).listen(Number(port), host);
    }`;

  it('runs the image with its folder mounted and its port open to this machine only', async () => {
    const programs = new FakePrograms();
    const folder = mkdtempSync(join(tmpdir(), 'registry-specs-'));
    try {
      programs.add('docker', DOCKER);
      const launcher = { kind: 'docker', image: 'registry:2.8.3' } as const;
      const registry = await startRegistry({ session: { launcher, folder } });
      const { port } = registry;
      await registry.stop();
      const name = `registry-spec-${port}`;
      const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
      expect(programs.log()).toEqual([
        `run --rm --name ${name} -p 127.0.0.1:${port}:${port} -v ${registry.folder}:${registry.folder} --user ${user} ` +
          `registry:2.8.3 serve ${registry.folder}/config.yml`,
        `kill --signal SIGTERM ${name}`,
      ]);
    } finally {
      programs.remove();
      rmSync(folder, { recursive: true });
    }
  });
});
