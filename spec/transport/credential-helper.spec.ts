import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { AuthenticationError, InvalidArgumentError } from '../../lib/errors.js';
import { askCredentialHelper } from '../../lib/transport/credential-helper.js';
import { failureOf } from '../support/failure.js';
import { answering, installCredentialHelper } from '../support/fake-credential-helper.js';

let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credential-helper-'));
  env = { PATH: [folder, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter), HOME: folder, MARK: 'seen' };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** @param body - JavaScript with `input`, what came on stdin, in reach */
async function install(name: string, body: string): Promise<string> {
  await installCredentialHelper(folder, name, body);
  return name;
}

const ask = (name: string, server = 'registry.example', timeout = 30_000) =>
  askCredentialHelper(name, server, { env, timeout });

describe('askCredentialHelper', () => {
  it('gives username and secret', async () => {
    const name = await install('plain', answering({ ServerURL: 'x', Username: 'user', Secret: 'hunter2' }));
    await expect(ask(name)).resolves.toEqual({ username: 'user', password: 'hunter2' });
  });

  it('gives the secret of <token> as an identity token', async () => {
    const name = await install('token', answering({ Username: '<token>', Secret: 'refresh' }));
    await expect(ask(name)).resolves.toEqual({ identityToken: 'refresh' });
  });

  it('runs it with get, the server on stdin without a line end, and the environment given', async () => {
    const name = await install(
      'echo',
      `console.log(JSON.stringify({ Username: 'u', Secret: [process.argv[2], process.argv.length, input, process.env.MARK].join('|') }));`,
    );
    await expect(ask(name, 'https://index.docker.io/v1/')).resolves.toEqual({
      username: 'u',
      password: 'get|3|https://index.docker.io/v1/|seen',
    });
  });

  it('gives nothing for an answer with neither', async () => {
    const name = await install('empty', answering({ Username: '', Secret: '' }));
    await expect(ask(name)).resolves.toBeUndefined();
  });

  it.each([
    ['stdout', 'log'],
    ['stderr', 'error'],
  ])('gives nothing when it finds no credentials and says so on %s', async (stream, method) => {
    const name = await install(
      `none-${stream}`,
      `console.${method}('Credentials not found in native keychain'); process.exitCode = 1;`,
    );
    await expect(ask(name)).resolves.toBeUndefined();
  });

  it('takes an answer from a helper that does not read the question', async () => {
    const path = join(folder, 'docker-credential-deaf');
    await writeFile(path, `#!/bin/sh\necho '{"Username":"u","Secret":"s"}'\n`);
    await chmod(path, 0o755);
    // More than a pipe holds, so that writing it fails when the helper has gone.
    await expect(ask('deaf', 'x'.repeat(1_000_000))).resolves.toEqual({ username: 'u', password: 's' });
  });

  it('says which helper failed and how, but not what it wrote on stdout', async () => {
    const name = await install(
      'broken',
      `console.log('hunter2'); console.error('vault \\u001b[31msealed\\nsecond line'); process.exitCode = 3;`,
    );
    const error = await failureOf(ask(name));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe('CREDENTIAL_HELPER_FAILED');
    expect(error.message).toBe(
      'docker-credential-broken, asked for the credentials of registry.example, ended with 3: vault \\u001b[31msealed. ' +
        'Run "echo registry.example | docker-credential-broken get" to see what is wrong.',
    );
  });

  it('names the signal a helper died of', async () => {
    const name = await install('killed', `process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 10000);`);
    expect((await failureOf(ask(name))).message).toContain('ended with SIGTERM. Run');
  });

  it.each([
    ['text', `console.log('hunter2');`],
    ['nothing', ''],
    ['a list', answering(['hunter2'])],
    ['no Secret', answering({ Username: 'hunter2' })],
    ['a Secret that is a number', answering({ Username: 'hunter2', Secret: 1 })],
    ['fields behind __proto__', `console.log('{"__proto__":{"Username":"u","Secret":"hunter2"}}');`],
  ])('refuses %s for an answer', async (what, body) => {
    const name = await install(`odd-${what.replace(/\W/g, '-')}`, body);
    const error = await failureOf(ask(name));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toMatch(/^docker-credential-odd-.* gave an answer /);
  });

  it('refuses a secret that could not be sent', async () => {
    const name = await install('newline', answering({ Username: 'u', Secret: 'hunter2\0x' }));
    expect((await failureOf(ask(name))).message).toMatch(/from docker-credential-newline have a control character/);
  });

  it('tells what to install when it is not on the PATH', async () => {
    const error = await failureOf(ask('absent'));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toMatch(/docker-credential-absent, .* is not on the PATH\. Install docker-credential-absent/);
  });

  it('says when it may not be run', async () => {
    await writeFile(join(folder, 'docker-credential-locked'), '#!/bin/sh\n', { mode: 0o644 });
    const error = await failureOf(ask('locked'));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain('could not be run (EACCES)');
  });

  it('kills one that hangs', async () => {
    const pidFile = join(folder, 'pid');
    const name = await install(
      'hanging',
      `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setTimeout(() => {}, 60000);`,
    );
    const error = await failureOf(ask(name, 'registry.example', 1000));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain('gave no answer within 1 s');
    const pid = Number(await readFile(pidFile, 'utf8'));
    await expect(isGone(pid)).resolves.toBe(true);
  });

  it('waits no longer for a process that it left behind with its output', async () => {
    const openPipes = () => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
    const before = openPipes();
    const path = join(folder, 'docker-credential-leaving');
    await writeFile(path, '#!/bin/sh\nsleep 5 &\n');
    await chmod(path, 0o755);
    const start = performance.now();
    await failureOf(ask('leaving', 'registry.example', 300));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(performance.now() - start).toBeLessThan(3000);
    expect(openPipes()).toBeLessThanOrEqual(before);
  });

  it('kills one that writes more than 64 KiB', async () => {
    const name = await install(
      'flooding',
      `const more = () => process.stdout.write('hunter2'.repeat(10000), more); more();`,
    );
    const error = await failureOf(ask(name));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain('wrote more than 64 KiB');
  });

  it('takes an answer of just 64 KiB', async () => {
    const name = await install('large', `process.stdout.write('{"Username":"u","Secret":"s"}'.padEnd(65536));`);
    await expect(ask(name)).resolves.toEqual({ username: 'u', password: 's' });
  });

  it('reads no more of stderr than it shows', async () => {
    const name = await install('noisy', `process.stderr.write('x'.repeat(1e6)); process.exitCode = 1;`);
    expect((await failureOf(ask(name))).message.length).toBeLessThan(600);
  });

  it.each(['', '-rf', '../x', 'a/b', 'a\\b', 'a b', 'a;b', 'a\nb', '$(x)', 'ä'])(
    'runs nothing for the name %j',
    async (name) => {
      const error = await failureOf(ask(name));
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.message).toContain('is not the name of a credential helper');
    },
  );

  it.each(['a\nb', 'a\r', '\n', 'a\0b'])('asks nothing for the server %j', async (server) => {
    const name = await install('unasked', answering({ Username: 'u', Secret: 's' }));
    const error = await failureOf(ask(name, server));
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error.message).toContain('is not one line');
  });
});

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
