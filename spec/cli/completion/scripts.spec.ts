import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { completion } from '../../../lib/cli/commands/completion.js';
import { createProgram } from '../../../lib/cli/program.js';
import { onPath, run } from '../../support/proc.js';
import { TemporaryFolders } from '../../support/temporary-folder.js';
import { cli, FakeIo } from '../fake-io.js';

type Shell = 'bash' | 'zsh' | 'fish';
const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];
const PROGRAM = createProgram(new FakeIo());
const COMMANDS = [...PROGRAM.commands.map((command) => command.name()), 'help'];

describe('registry-client completion', () => {
  const folders = new TemporaryFolders();
  let folder: string;
  beforeAll(async () => {
    folder = await folders.make();
    await mkdir(join(folder, 'files', 'folder'), { recursive: true });
    await writeFile(join(folder, 'files', 'my app.tar'), '');
    await writeFile(join(folder, 'files', 'plain.txt'), '');
    for (const shell of SHELLS) await writeFile(join(folder, shell), completion(shell, PROGRAM));
  });
  afterAll(() => folders.remove());

  it.each(SHELLS)('prints the script of %s', async (shell) => {
    expect(await cli(['completion', shell])).toEqual({ code: 0, out: completion(shell, PROGRAM), err: '' });
  });

  it.each([
    [['powershell'], 'Allowed choices are bash, zsh, fish'],
    [['zhs'], 'Did you mean zsh?'],
    [[], 'missing required'],
  ])('takes %j for no shell', async (args, message) => {
    const { code, out, err } = await cli(['completion', ...args]);
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
  });

  /* Whatever shells are here, each script has every command with each of its options, at the place its shell has for them. */
  describe.each<[Shell, (command: string) => RegExp, (command: string, flag: string) => string]>([
    ['bash', (name) => RegExp(`^      ${name}\\) options='.*$`, 'm'), (_, flag) => flag],
    ['zsh', (name) => RegExp(`^        ${name}\\)\n(?:          .*\n)+`, 'm'), (_, flag) => flag],
    [
      'fish',
      (name) => RegExp(`(?:^complete -c registry-client -n '__registry_client_at .'${name}.*\n)+`, 'm'),
      (_, flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)} ` : ` -s ${flag.slice(1)} `),
    ],
  ])('for %s', (shell, partOf, spelled) => {
    const script = completion(shell, PROGRAM);

    it.each(PROGRAM.commands)('knows all options of $_name', (command) => {
      const [part = ''] = partOf(command.name()).exec(script) ?? [];
      for (const { long, short, argChoices = [] } of command.options) {
        for (const flag of [long, short].filter((each) => each != null))
          expect(part).toContain(spelled(command.name(), flag));
        for (const choice of argChoices) expect(script).toContain(choice);
      }
    });

    it('has quotes in pairs', () => {
      const escapes = shell === 'fish' ? /\\./g : /'\\''|\\./g;
      const lines = script.split('\n').filter((line) => !line.startsWith('#'));
      for (const line of lines)
        expect([line, (line.replace(escapes, '').match(/'/g) ?? []).length % 2]).toEqual([line, 0]);
    });
  });

  /** @param words - of the command line; the cursor is in the last one */
  async function inBash(words: readonly string[], prelude = ''): Promise<string[]> {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `${prelude} set -u; source <(cat "$1"); COMP_WORDS=(registry-client ${list}); COMP_CWORD=${words.length}
      _registry_client; printf '%s\\n' "\${COMPREPLY[@]-}"`;
    const { code, stdout, stderr } = await run('bash', ['--norc', '-c', script, 'bash', join(folder, 'bash')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.split('\n').filter(Boolean);
  }

  describe('in bash', () => {
    it.each<[string[], string[]]>([
      [[''], COMMANDS],
      [['pu'], ['push', 'pull']],
      [
        ['push', '--comp'],
        ['--compression', '--compressor'],
      ],
      [
        ['push', 'a.tar', '--compression', ''],
        ['gzip', 'zstd', 'none'],
      ],
      [['push', '--compression', '=', 'z'], ['zstd']],
      [
        ['push', '--compression', '='],
        ['gzip', 'zstd', 'none'],
      ],
      [['pull', '--timeout', '3', '--format', 'd'], ['docker']],
      [['push', '--timeout', ''], []],
      [['push', '--', '--comp'], []],
      [
        ['help', 'tag'],
        ['tags', 'tag'],
      ],
      [
        ['completion', ''],
        ['bash', 'zsh', 'fish'],
      ],
      [['--v'], ['--version']],
      [['unheard-of', ''], []],
    ])('completes %j', async (words, expected) => {
      expect(await inBash(words)).toEqual(expected);
    });

    it('completes the same in the presence of bash-completion, where that is installed', async () => {
      const prelude = 'f=/usr/share/bash-completion/bash_completion; set +u; if [ -r $f ]; then . $f; fi;';
      expect(await inBash(['pu'], prelude)).toEqual(['push', 'pull']);
    });

    // Bash completes files itself, with all the quoting that takes, where the function has nothing and has not forbidden it.
    it.each<[string[], boolean]>([
      [['push', ''], true],
      [['push', '--timeout', '3', '-q', 'a'], true],
      [['push', '--compression', '=', 'gzip', 'a'], true],
      [['pull', 'localhost', ':', '5000/app', ':', '1', ''], true],
      [['pull', 'app', '@', 'sha256', ':', 'abc', 'x'], true],
      [['push', 'a.tar', ''], false],
      [['pull', 'localhost', ':', '5000'], false],
      [['pull', ''], false],
      [['tags', ''], false],
      [['push', '--registry', ''], false],
    ])('leaves files to bash for %j: %p', async (words, isFile) => {
      const prelude = 'compopt() { echo "compopt $*"; };';
      expect(await inBash(words, prelude)).toEqual(isFile ? [] : ['compopt +o default +o bashdefault']);
    });

    it('offers folders only, where one is wanted', async () => {
      const prelude = 'compopt() { echo "compopt $*"; };';
      expect(await inBash(['serve', '--dir', 'x'], prelude)).toEqual(['compopt -o dirnames +o default +o bashdefault']);
    });
  });

  const fish = onPath('fish');
  describe(
    fish ? 'in fish' : 'in fish (not installed: apt-get install fish; see the checks of its script above)',
    () => {
      it.each<[string, string[]]>([
        ['', [...COMMANDS].sort()],
        ['pu', ['pull', 'push']],
        ['push --comp', ['--compression', '--compressor']],
        ['push a.tar --compression ', ['gzip', 'none', 'zstd']],
        ['push --compression=z', ['--compression=zstd']],
        ['push --timeout 3 m', ['my app.tar']],
        ['pull localhost:5000/app:1 p', ['plain.txt']],
        ['push a.tar ', []],
        ['tags ', []],
        ['serve --dir ', ['folder/']],
        ['completion z', ['zsh']],
      ])(fish ? 'completes %j' : 'would complete %j', async (line, expected) => {
        if (!fish) return expect(fish).toBeUndefined();
        const env = { HOME: folder, XDG_CONFIG_HOME: folder };
        const script = `source ${join(folder, 'fish')}; complete -C ${JSON.stringify(`registry-client ${line}`)}`;
        const { code, stdout, stderr } = await run('fish', ['-c', script], { env, cwd: join(folder, 'files') });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(
          stdout
            .split('\n')
            .filter(Boolean)
            .map((answer) => answer.split('\t')[0])
            .sort(),
        ).toEqual(expected);
      });
    },
  );

  const zsh = onPath('zsh');
  describe(zsh ? 'in zsh' : 'in zsh (not installed: apt-get install zsh; see the checks of its script above)', () => {
    it(zsh ? 'is read without a complaint, and completes the command' : 'would be read', async () => {
      if (!zsh) return expect(zsh).toBeUndefined();
      const script = 'autoload -Uz compinit; compinit -u -D; source "$1"; print -r -- $_comps[registry-client]';
      const { code, stdout, stderr } = await run('zsh', ['-f', '-c', script, 'zsh', join(folder, 'zsh')]);
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '_registry_client\n', stderr: '' });
    });

    it(zsh ? 'asks _arguments about the command that was typed' : 'would ask', async () => {
      if (!zsh) return expect(zsh).toBeUndefined();
      // The functions of the completion system work in its editor only: these stand in for them, and tell what they were asked.
      const script = `compdef() { }; source "$1"; calls=0
        _arguments() { (( calls++ )) && print -rl -- "$@" || { state=arguments; line=(pull) } }
        _registry_client`;
      const { stdout, stderr } = await run('zsh', ['-f', '-c', script, 'zsh', join(folder, 'zsh')]);
      expect(stderr).toBe('');
      const specs = stdout.trimEnd().split('\n');
      expect(specs).toContain('--format=[of the archive]:format:(docker oci)');
      expect(specs).toContain('(-q --quiet)--quiet[print the result only, nothing on standard error but errors]');
      expect(specs.slice(-2)).toEqual(['1:reference: ', '2:file:_files']);
    });
  });
});
