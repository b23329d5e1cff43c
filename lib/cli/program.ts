import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../version.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';

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
    const { describeError, exitCodeFor } = await import('./describe-error.js');
    io.stderr(`error: ${describeError(error)}\n`);
    return exitCodeFor(error);
  }
}

/** The commands; each one's code is loaded only when it runs. */
export function createProgram(io: Io): Command {
  const program = new Command('registry-client')
    .description('Push what docker save wrote into a registry, and look at what is there.')
    .version(VERSION)
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .showHelpAfterError('(add --help for more)')
    .exitOverride();
  addPush(program, io);
  addLists(program, io);
  addArchive(program, io);
  addServe(program, io);
  program.addHelpText('after', HELP);
  return program;
}

const HELP = `
References: [http://|https://]host[:port]/repository[:tag], or repository[:tag] with --registry or REGISTRY_URL
(default http://localhost:15000). Loopback hosts speak plain http unless told otherwise.

Exit codes: 0 ok, 1 registry or network, 2 usage, 3 not a valid image archive, 4 authentication, 130 interrupted.`;

function addPush(program: Command, io: Io): void {
  withConnection(program.command('push'))
    .description('push an image archive under its original tags, or under a name')
    .argument('<tar>', 'what docker save wrote; also packed with gzip')
    .argument('[reference]', 'the name to push it under; without it the original tags are kept')
    .addOption(new Option('--all-tags', 'push every original tag (default)').conflicts('firstTag'))
    .option('--first-tag', 'push the first original tag only')
    .option('--image <tag>', 'which image of an archive with several')
    .option('--platform <platform>', 'which platform of an archive with several, for example linux/arm64')
    .addOption(new Option('--compression <kind>', 'of plain layers').choices(['gzip', 'none']).default('gzip'))
    .option('--concurrency <n>', 'blobs at once', wholeNumber, 8)
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'print the result only')
    .addHelpText('after', example('push app.tar', 'push app.tar registry.example.com/team/app:1.2 --compression none'))
    .action(async (tar: string, reference: string | undefined, options: PushFlags) => {
      const { push } = await import('./commands/push.js');
      await push(tar, reference, options, io);
    });
}

function addLists(program: Command, io: Io): void {
  withConnection(program.command('tags'))
    .description('list the tags of a repository')
    .argument('<repository>', 'with or without a host')
    .option('--json', 'print a JSON array')
    .addHelpText('after', example('tags team/app', 'tags registry.example.com/team/app'))
    .action(async (repository: string, options: ListFlags) => {
      const { tags } = await import('./commands/tags.js');
      await tags(repository, options, io);
    });
  withConnection(program.command('repos'))
    .description('list the repositories of a registry')
    .argument('[registry]', 'address of the registry')
    .option('--json', 'print a JSON array')
    .addHelpText('after', example('repos', 'repos http://localhost:5000'))
    .action(async (registry: string | undefined, options: ListFlags) => {
      const { repos } = await import('./commands/repos.js');
      await repos(registry, options, io);
    });
  withConnection(program.command('ping'))
    .description('check that a registry is there and lets us in')
    .argument('[url]', 'address of the registry')
    .addHelpText('after', example('ping', 'ping https://registry.example.com'))
    .action(async (url: string | undefined, options: ConnectionFlags) => {
      const { ping } = await import('./commands/ping.js');
      await ping(url, options, io);
    });
}

function addArchive(program: Command, io: Io): void {
  program
    .command('inspect')
    .description('show the images of an archive')
    .argument('<tar>')
    .option('--json', 'print the inspection as JSON')
    .addHelpText('after', example('inspect app.tar'))
    .action(async (tar: string, options: { json?: boolean }) => {
      const { inspect } = await import('./commands/inspect.js');
      await inspect(tar, options, io);
    });
  program
    .command('validate')
    .description('read an archive to its end and report every problem')
    .argument('<tar>')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', example('validate app.tar'))
    .action(async (tar: string, options: { json?: boolean }) => {
      const { validate } = await import('./commands/validate.js');
      await validate(tar, options, io);
    });
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
    .action(async (options: ServeFlags) => {
      const { serve } = await import('./commands/serve.js');
      await serve(options, io);
    });
}

export interface ServeFlags {
  dir?: string;
  port: number;
  host: string;
  readOnly?: boolean;
  /** `user:password` */
  auth?: string;
}

/** How a registry is reached. */
export interface ConnectionFlags {
  registry?: string;
  plainHttp?: boolean;
  insecure?: boolean;
}

export interface ListFlags extends ConnectionFlags {
  json?: boolean;
}

export interface PushFlags extends ListFlags {
  allTags?: boolean;
  firstTag?: boolean;
  image?: string;
  platform?: string;
  compression: 'gzip' | 'none';
  concurrency: number;
  quiet?: boolean;
}

function withConnection(command: Command): Command {
  return command
    .option('--registry <url>', 'registry for names without a host (default: REGISTRY_URL or http://localhost:15000)')
    .option('--plain-http', 'speak http, not https')
    .option('--insecure', 'accept any TLS certificate');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError('It takes a whole number from 1 to 1000.');
}

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new InvalidArgumentError('It takes a port from 0 to 65535.');
}

function example(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((command) => `  registry-client ${command}`).join('\n')}`;
}
