import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { createProgram } from '../lib/cli/program.js';
import { renderManual } from '../scripts/cli-manual.mjs';
import { FakeIo } from './cli/fake-io.js';

describe('docs/cli.md', () => {
  const manual = renderManual(createProgram(new FakeIo()));

  it('says what the definitions of the command line say: npm run docs:cli', async () => {
    expect(await readFile('docs/cli.md', 'utf8')).toBe(manual);
  });

  it('has a chapter for each command, with all that --help says of it', () => {
    const { commands } = createProgram(new FakeIo());
    expect(commands.length).toBeGreaterThan(15);
    for (const command of commands) {
      const chapter = new RegExp(`^## ${command.name()}\n([^]*?)(?=^## |(?![^]))`, 'm').exec(manual)?.[1] ?? '';
      for (const title of ['Options', 'Examples', 'Output', 'Exit codes']) expect(chapter).toContain(`### ${title}\n`);
      for (const { flags } of command.options) expect(chapter).toContain(`- \`${flags}\`: `);
      for (const argument of command.registeredArguments)
        expect(chapter).toMatch(RegExp(`- \`.${argument.name().replace('|', '.')}`));
    }
  });

  it('needs nothing by hand for what is new', () => {
    const program = new Command('any').description('it does much').exitOverride();
    program
      .command('fly')
      .description('go by air to <where> you like')
      .argument('[where...]', 'ways')
      .option('--height <m>', 'how high (REGISTRY_URL)', '100')
      .addHelpText('after', '\nSpecials:\n  A text\n  of two lines.\n\nExamples:\n  any fly | cat');
    program.addHelpText(
      'after',
      '\nEnvironment:\n  REGISTRY_URL  where to,\n                by default\n  OTHER         else',
    );
    expect(renderManual(program)).toContain(
      [
        '## fly',
        'Go by air to `<where>` you like.',
        '```\nany fly [options] [where...]\n```',
        '### Arguments',
        '- `[where...]`: Ways.',
        '### Options',
        '- `--height <m>`: How high (`REGISTRY_URL`). Default: `100`.\n- `-h, --help`: Display help for command.',
        '### Variables',
        '`REGISTRY_URL`.',
        '### Specials',
        'A text of two lines.',
        '### Examples',
        '```sh\nany fly | cat\n```',
      ].join('\n\n'),
    );
    expect(renderManual(program)).toContain('- `REGISTRY_URL`: where to, by default\n- `OTHER`: else');
  });
});
