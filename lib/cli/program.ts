import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { VERSION } from '../version.js';
import { addChanges } from './change-commands.js';
import { ExitCode } from './exit-code.js';
import { example, type ServeFlags } from './flags.js';
import type { Io } from './io.js';
import { addLookups } from './lookup-commands.js';
import { addTransfers } from './transfer-commands.js';

/**
 * Runs one command line.
 * @param args - without the program's own name
 * @returns the exit code: 0 ok, 1 registry or network, 2 usage, 3 not a valid image archive, 4 authentication, 130 interrupted
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    if (io.signal.aborted) return ExitCode.interrupted;
    const { reportError } = await import('./describe-error.js');
    // Only one command runs, so only one can have been asked for that.
    return reportError(error, io, { json: program.commands.some((command) => command.opts().progress === 'json') });
  }
}

/** The commands; each one's code is loaded only when it runs. */
export function createProgram(io: Io): Command {
  const program = new Command('registry-client')
    .description('Push what docker save wrote into a registry, take it out again, and look after what is there.')
    .version(VERSION)
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .showHelpAfterError('(add --help for more)')
    .exitOverride();
  addTransfers(program.commandsGroup('Move images:'), io);
  addLookups(program.commandsGroup('Look at them:'), io);
  addChanges(program.commandsGroup('Tag and delete:'), io);
  addServe(program.commandsGroup('Others:'), io);
  return program.helpCommand('help [command]', 'explain a command').addHelpText('after', HELP);
}

const HELP = `
References: [http://|https://]host[:port]/repository[:tag][@digest], or without the host with --registry or REGISTRY_URL
(default http://localhost:15000). Loopback hosts speak plain http unless told otherwise.

Exit codes: 0 ok, 1 registry or network, 2 usage, 3 not a valid image archive, 4 authentication, 130 interrupted,
141 an archive on standard output whose reader left before its end.`;

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
    .action(async (options: ServeFlags) => {
      const { serve } = await import('./commands/serve.js');
      await serve(options, io);
    });
}

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new InvalidArgumentError('It takes a port from 0 to 65535.');
}
