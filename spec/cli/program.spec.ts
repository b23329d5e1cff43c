import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Help } from 'commander';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { run } from '../../lib/cli/program.js';
import { VERSION } from '../../lib/version.js';
import { cli, FakeIo } from './fake-io.js';

const CONNECTION = [
  ...['--registry', '--plain-http', '--insecure', '--ca-file', '--cert-file', '--key-file', '--proxy', '--config'],
  '--timeout',
];
const RESULT = ['--json', '--quiet'];
const OPTIONS: Record<string, readonly string[]> = {
  push: [
    ...CONNECTION,
    ...['--all-tags', '--first-tag', '--image', '--platform', '--compression', '--concurrency', '--mount-from'],
    ...['--compressor', '--layers-from', '--dry-run', '--no-cache'],
    ...RESULT,
  ],
  pull: [...CONNECTION, '--format', '--platform', '--concurrency', ...RESULT],
  copy: [...CONNECTION, '--platform', '--concurrency', ...RESULT],
  inspect: [...CONNECTION, '--platform', ...RESULT],
  manifest: [...CONNECTION, '--platform', ...RESULT],
  resolve: [...CONNECTION, ...RESULT],
  referrers: [...CONNECTION, '--artifact-type', ...RESULT],
  tags: [...CONNECTION, ...RESULT],
  repos: [...CONNECTION, ...RESULT],
  ping: [...CONNECTION, ...RESULT],
  validate: RESULT,
  tag: [...CONNECTION, ...RESULT],
  delete: [...CONNECTION, '--force', ...RESULT],
  'delete-tag': [...CONNECTION, '--fallback', ...RESULT],
  login: [...CONNECTION, '--username', '--password', '--password-stdin', ...RESULT],
  logout: [...CONNECTION, ...RESULT],
  serve: ['--dir', '--port', '--host', '--read-only', '--auth'],
  completion: [],
};
const COMMANDS = Object.keys(OPTIONS);
const APP = 'spec/fixtures/docker-26-multi-tag.tar';

describe('the program', () => {
  it.each([['--version'], ['-V']])('prints its version for %s', async (flag) => {
    expect(await cli([flag])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  it('makes no help text for command lines that ask for none', async () => {
    const wrapping = jest.spyOn(Help.prototype, 'boxWrap');
    try {
      await cli(['--version']);
      expect(wrapping).not.toHaveBeenCalled();
      await cli(['push', '--help']);
      expect(wrapping).toHaveBeenCalled();
    } finally {
      wrapping.mockRestore();
    }
  });

  it.each([
    [['\u001b[31mpush']],
    [['push', 'a.tar', '--\u001b[31m']],
    [['push', 'a.tar', '--progress', '\u001b[31mjson']],
  ])('shows what is wrong with %j so that it steers no terminal', async (args) => {
    const { code, err } = await cli(args);
    expect([code, err]).toEqual([2, expect.stringContaining('\\u001b[31m')]);
    expect(err).not.toContain('\u001b');
    expect(err).toMatch(/\n\(add --help for more\)\n$/);
  });

  describe('help', () => {
    it('is as wide as standard error where it follows an error', async () => {
      const io = new FakeIo();
      io.screen = { isTTY: true, columns: 100 };
      expect(await run([], io)).toBe(2);
      const [commands = ''] = io.err.split('\nReferences:');
      const widest = Math.max(...commands.split('\n').map((line) => line.length));
      expect([widest > 80, widest <= 100]).toEqual([true, true]);
    });

    it.each([[['--help']], [['-h']], [['help']]])('is printed for %p', async (args) => {
      const { code, out, err } = await cli(args);
      expect([code, err]).toEqual([0, '']);
      for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
      expect(out).toContain('[http://|https://]host[:port]/repository[:tag][@digest]');
      expect(out).toContain('default http://localhost:15000');
      expect(out.slice(out.indexOf('Exit codes:')).split('\n').slice(1, -1)).toEqual([
        '  0    ok',
        '  1    registry or network',
        '  2    usage: the command line, a name, a setting',
        '  3    not a valid image archive',
        '  4    authentication',
        '  130  interrupted',
        '  141  an archive on standard output whose reader left before its end',
      ]);
      for (const name of ['REGISTRY_URL', 'REGISTRY_TIMEOUT', 'DOCKER_CONFIG']) expect(out).toContain(`\n  ${name} `);
    });

    it.each(COMMANDS)('explains %s, with examples', async (command) => {
      for (const args of [
        [command, '--help'],
        ['help', command],
      ]) {
        const { code, out, err } = await cli(args);
        expect([code, err]).toEqual([0, '']);
        expect(out).toContain(`Usage: registry-client ${command}`);
        expect(out).toMatch(new RegExp(`Examples:\n.*registry-client ${command}`));
        for (const title of ['Output', 'Exit codes']) expect(out).toContain(`\n${title}:\n`);
      }
    });

    it.each(Object.entries(OPTIONS))('of %s lists its options', async (command, options) => {
      const { out } = await cli([command, '--help']);
      for (const option of options) expect(out).toContain(option);
    });
  });

  describe('its help', () => {
    it('fits into 80 columns, and into 100 where there are more', async () => {
      for (const args of [[], ...COMMANDS.map((command) => [command])]) {
        const { out } = await cli([...args, '--help']);
        expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
        const io = new FakeIo();
        Object.assign(io.stdoutStream, { columns: 300 });
        await run([...args, '--help'], io);
        expect(io.out.split('\n').filter((line) => line.length > 100)).toEqual([]);
      }
    });

    it('names what a command has of its own before what many have', async () => {
      const { out } = await cli(['push', '--help']);
      const headings = [...out.matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading);
      expect(headings).toEqual([
        'Arguments',
        'Options',
        'Registry',
        'Result',
        'Examples',
        'Notes',
        'Output',
        'Exit codes',
      ]);
      expect(out.slice(0, out.indexOf('Registry:'))).toContain('--compression');
    });
  });

  describe('what it is asked wrongly', () => {
    it.each<[string, string[], RegExp]>([
      ['nothing', [], /Usage: registry-client/],
      ['an unknown command', ['pusch'], /unknown command 'pusch'\n\(Did you mean push\?\)/],
      ['an unknown option', ['push', 'a.tar', '--compresion', 'gzip'], /Did you mean --compression/],
      ['an unknown command with --help', ['pusch', '--help'], /unknown command 'pusch'\n\(Did you mean push\?\)/],
      ['help on an unknown command', ['help', 'pusch'], /unknown command 'pusch'\n\(Did you mean push\?\)/],
      ['an option before the command', ['--json', 'tags', 'app'], /\(Options come after the command.\)/],
      ['a choice nearly right', ['pull', 'app:1', 'a.tar', '--format', 'dokcer'], /Did you mean docker\?/],
      ['a missing argument', ['push'], /missing required argument 'tar'/],
      ['an argument too many', ['inspect', 'a.tar', 'b.tar'], /too many arguments/],
      ['a tag that is missing', ['tag', 'app:1'], /missing required argument 'tag'/],
      ['a file that is missing', ['pull', 'app:1'], /missing required argument 'file'/],
      ['an unknown format', ['pull', 'app:1', 'a.tar', '--format', 'zip'], /Allowed choices are docker, oci/],
      ['a time that is none', ['ping', '--timeout', 'soon'], /a number of seconds above 0/],
      ['a time of 0', ['ping', '--timeout', '0'], /a number of seconds above 0/],
      ['a time too long', ['ping', '--timeout', '2147484'], /at most 2147483/],
      ['an unknown compression', ['push', 'a.tar', '--compression', 'lzma'], /Allowed choices are gzip, zstd, none/],
      ['a concurrency that is no number', ['push', 'a.tar', '--concurrency', 'many'], /whole number from 1 to 1000/],
      ['a concurrency of 0', ['push', 'a.tar', '--concurrency', '0'], /whole number from 1 to 1000/],
      ['a concurrency too large', ['push', 'a.tar', '--concurrency', '1001'], /whole number from 1 to 1000/],
      ['a port that is none', ['serve', '--port', '65536'], /a port from 0 to 65535/],
      ['a negative port', ['serve', '--port=-1'], /a port from 0 to 65535/],
      ['flags that exclude each other', ['push', 'a.tar', '--all-tags', '--first-tag'], /cannot be used with/],
    ])('%s, it answers with exit code 2', async (_, args, message) => {
      const { code, out, err } = await cli(args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(message);
      if (args.length > 0) expect(err.split('\n').length).toBeLessThan(6);
    });

    it('says where there is more to read', async () => {
      expect((await cli(['tags'])).err).toContain('(add --help for more)');
    });
  });

  describe('its exit code', () => {
    let server: Server;
    let host: string;
    beforeAll(async () => {
      server = createServer((request, response) => {
        const status = Number(/\/(\d{3})\//.exec(request.url ?? '')?.[1]);
        response.writeHead(status, { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="spec"' });
        response.end('{"errors":[{"code":"UNKNOWN","message":"\\u001b[2Jno"}]}');
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      host = `user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => void server.close());

    it.each<[number, string, string[], RegExp]>([
      [2, 'a name that cannot be', ['push', APP, 'localhost:1/UPPER'], /is not a repository name/],
      [2, 'an address that is none', ['ping', 'ftp://host'], /is not the address of a registry/],
      [3, 'a file that is absent', ['inspect', 'nowhere.tar'], /there is no file nowhere.tar/],
      [3, 'a file that is no tar', ['push', 'package.json', 'localhost:1/app'], /is not a tar/],
      [
        3,
        'a tar that is no image archive',
        ['push', 'spec/fixtures/docker-26-containerd-missing-blobs.tar', 'a'],
        /is not in the archive/,
      ],
    ])('is %p for %s', async (expected, _, args, message) => {
      const { code, out, err } = await cli(args);
      expect([code, out]).toEqual([expected, '']);
      expect(err).toMatch(message);
      expect(err).toMatch(/^error: .*\n$/);
    });

    it.each([
      [4, 401, 'ping'],
      [4, 403, 'ping'],
      [1, 404, 'ping'],
      [4, 401, 'repos'],
      [1, 404, 'repos'],
    ])('is %p for an answer of %p to %s', async (expected, status, command) => {
      const { code, out, err } = await cli([command, `http://${host}/${status}`]);
      expect([code, out]).toEqual([expected, '']);
      expect(err).toContain(String(status));
      expect(err).not.toContain('secret');
    });

    it('comes with what the registry says, made harmless', async () => {
      const { code, err } = await cli(['tags', `http://${host}/403`]);
      expect([code, err]).toEqual([4, expect.stringContaining('UNKNOWN: \\u001b[2Jno')]);
    });

    it('is 130 when the user interrupts, without a word', async () => {
      const io = new FakeIo();
      io.interrupt();
      expect(await run(['push', APP, 'localhost:1/app'], io)).toBe(130);
      expect([io.out, io.err]).toEqual(['', '']);
    });

    it('is 1 for a mistake of ours, which shows where it is', async () => {
      const io = new FakeIo();
      Object.assign(io, {
        stdout: () => {
          throw new TypeError('oops');
        },
      });
      expect(await run(['inspect', APP], io)).toBe(1);
      expect(io.err).toMatch(/^error: TypeError: oops\n +at /);
    });
  });

  it('loads what a command needs only when it runs, so that --version and --help cost nothing', () => {
    expect(loadedBy('main')).toEqual([
      ...['change-commands', 'commander', 'exit-code', 'flags', 'help', 'lookup-commands', 'main', 'nearest'],
      ...['node:v8', 'other-commands', 'process-io', 'process-title', 'program', 'sign-in-commands', 'suggest'],
      ...['transfer-commands', 'version'],
    ]);
  });
});

/** Every file and package that loads with a file of `lib/cli`, before anything is awaited. */
function loadedBy(name: string, seen = new Set<string>()): string[] {
  const visit = (url: URL): void => {
    const path = fileURLToPath(url);
    const key = path.replace(/^.*\//, '').replace(/\.ts$/, '');
    if (seen.has(key)) return;
    seen.add(key);
    for (const specifier of staticImports(path)) {
      if (specifier.startsWith('.')) visit(new URL(specifier.replace(/\.js$/, '.ts'), url));
      else seen.add(specifier);
    }
  };
  visit(new URL(`../../lib/cli/${name}.ts`, import.meta.url));
  return [...seen].sort();
}

function staticImports(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    if (!isImport || !statement.moduleSpecifier) return [];
    const isType = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    return isType ? [] : [(statement.moduleSpecifier as ts.StringLiteral).text];
  });
}
