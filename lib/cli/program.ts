import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.js';
import { addChanges } from './change-commands.js';
import { ExitCode } from './exit-code.js';
import { exitCodes, HELP, helpWidth, list, section } from './help.js';
import type { Io } from './io.js';
import { addLookups } from './lookup-commands.js';
import { addOthers } from './other-commands.js';
import { addSignIn } from './sign-in-commands.js';
import { addTransfers } from './transfer-commands.js';

/** Characters of a line. */
const LONGEST = 10_000;

/**
 * Runs one command line.
 * @param args - without the program's own name
 * @returns the exit code: 0 ok, 1 registry or network, 2 usage, 3 not a valid image archive, 4 authentication, 130 interrupted
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const said: string[] = [];
  const program = createProgram(io, (text) => void said.push(text));
  try {
    await program.parseAsync(unknownCommand(args, program) ?? args, { from: 'user' });
    return ExitCode.ok;
  } catch (error) {
    if (error instanceof CommanderError) return usageCode(error, args, said.join(''), io);
    if (io.signal.aborted) return ExitCode.interrupted;
    const { reportError } = await import('./describe-error.js');
    // Only one command runs, so only one can have been asked for that.
    return reportError(error, io, { json: program.commands.some((command) => command.opts().progress === 'json') });
  }
}

/** Asked to explain a command that there is not, commander explains all of them, and names none that may have been meant. */
function unknownCommand(args: readonly string[], program: Command): string[] | undefined {
  const name = args[0] === 'help' ? args[1] : args[0];
  if (name === undefined || name.startsWith('-') || name === 'help') return undefined;
  return program.commands.some((command) => command.name() === name) ? undefined : [name];
}

/** What is wrong with a command line is said in its own words, which may come from anywhere. */
async function usageCode(
  { code, exitCode }: CommanderError,
  args: readonly string[],
  said: string,
  io: Io,
): Promise<number> {
  if (said !== '') {
    const { printable } = await import('../redact.js');
    io.stderr(said.replace(/[^\n]+/g, (line) => printable(line, LONGEST)));
  }
  const isMisplaced = code === 'commander.unknownOption' && args[0]?.startsWith('-');
  if (isMisplaced) io.stderr('(Options come after the command.)\n');
  return exitCode === 0 ? ExitCode.ok : ExitCode.usage;
}

/**
 * The commands; each one's code is loaded only when it runs.
 * @param complain - takes what is wrong with a command line
 */
export function createProgram(io: Io, complain = io.stderr): Command {
  const program = new Command('registry-client')
    .description('Push what docker save wrote into a registry, take it out again, and look after what is there.')
    .version(VERSION)
    .configureOutput({
      writeOut: (text) => io.stdout(text),
      writeErr: complain,
      getOutHelpWidth: () => helpWidth(io.stdoutStream.columns),
      getErrHelpWidth: () => helpWidth(io.screen.columns),
    })
    .configureHelp(HELP)
    .showHelpAfterError('(add --help for more)')
    .exitOverride();
  addTransfers(program.commandsGroup('Move images:'), io);
  addLookups(program.commandsGroup('Look at them:'), io);
  addChanges(program.commandsGroup('Tag and delete:'), io);
  addSignIn(program.commandsGroup('Sign in:'), io);
  addOthers(program.commandsGroup('Others:'), io);
  return program
    .helpCommand('help [command]', 'explain a command')
    .addHelpText('after', section('References', REFERENCES))
    .addHelpText('after', list('Environment', ENVIRONMENT))
    .addHelpText('after', exitCodes());
}

const REFERENCES = `[http://|https://]host[:port]/repository[:tag][@digest], or without the host with --registry or REGISTRY_URL (default http://localhost:15000). Loopback hosts speak plain http unless told otherwise.`;

const ENVIRONMENT = [
  ['REGISTRY_URL', 'registry for names without a host; default http://localhost:15000'],
  ['REGISTRY_TIMEOUT', 'seconds for one metadata request; default 30'],
  ['REGISTRY_DEBUG', 'with true, a line on standard error for each request, without secrets'],
  ['DOCKER_AUTH_CONFIG', "credentials, as the JSON of docker's config.json; asked before the file"],
  ['DOCKER_CONFIG', 'folder of config.json, where login keeps credentials; default ~/.docker'],
  ['REGISTRY_CLIENT_CONFIG', 'file with settings for hosts; default registry-api-v2-client/config.json'],
  ['XDG_CONFIG_HOME', 'folder in which that default is looked for; default ~/.config'],
  ['HTTPS_PROXY', 'proxy for https registries; HTTP_PROXY for http ones, NO_PROXY for those without'],
  ['XDG_CACHE_HOME', 'folder for what pushes remember; default ~/.cache'],
] as const;
