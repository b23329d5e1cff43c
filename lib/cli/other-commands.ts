import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type ServeFlags } from './flags.js';
import { example, examples, exitCodes, section } from './help.js';
import type { Io } from './io.js';
import { oneOf } from './suggest.js';

/** The commands that are about no registry but their own, or about none. */
export function addOthers(program: Command, io: Io): void {
  addServe(program, io);
  addCompletion(program, io);
}

function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description('run a registry, in memory or over a folder, for tests, demonstrations and single machines')
    .option('--dir <folder>', 'keep everything in this OCI image layout; without it, in memory')
    .option('--port <n>', 'port to listen on; 0 takes a free one', portNumber, 15000)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--read-only', 'refuse whatever would change anything')
    .option(
      '--auth <user:password>',
      'let in who knows these only (Basic; others on this machine see them in its process list)',
    )
    .addHelpText('after', example('serve', 'serve --port 5000', 'serve --dir ./images --host 0.0.0.0 --auth ci:secret'))
    .addHelpText('after', section('Output', 'The address of the registry, as soon as it takes requests.'))
    .addHelpText('after', exitCodes('ok', 'registry', 'usage', 'interrupted'))
    .action(async (options: ServeFlags) => {
      const { serve } = await import('./commands/serve.js');
      await serve(options, io);
    });
}

function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script that completes commands, options and files at the Tab key')
    .addArgument(oneOf(new Argument('<shell>', 'what is typed into'), 'bash', 'zsh', 'fish'))
    .addHelpText('after', examples(...INSTALL))
    .addHelpText(
      'after',
      section(
        'Notes',
        'Put the first line into ~/.bashrc or the second one into ~/.zshrc, after compinit; fish loads its file by itself. The script runs no program and asks no registry, so names of repositories and tags are not completed.',
      ),
    )
    .addHelpText('after', section('Output', 'The script.'))
    .addHelpText('after', exitCodes('ok', 'usage'))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./commands/completion.js');
      io.stdout(completion(shell, program));
    });
}

const INSTALL = [
  'source <(registry-client completion bash)',
  'source <(registry-client completion zsh)',
  'registry-client completion fish \\',
  '  > ~/.config/fish/completions/registry-client.fish',
];

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new InvalidArgumentError('It takes a port from 0 to 65535.');
}
