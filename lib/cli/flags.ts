import { type Command, InvalidArgumentError, Option } from 'commander';
import { oneOf } from './suggest.js';

/** How a registry is reached. */
export interface ConnectionFlags {
  registry?: string;
  plainHttp?: boolean;
  insecure?: boolean;
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  proxy?: string;
  config?: string;
  /** Seconds. */
  timeout?: number;
  cache?: boolean;
  concurrency?: number;
}

/** How a result is printed. */
export interface OutputFlags {
  json?: boolean;
  quiet?: boolean;
}

export interface ResultFlags extends ConnectionFlags, OutputFlags {}

export interface PlatformFlags extends ResultFlags {
  platform?: string;
}

export interface TransferFlags extends PlatformFlags {
  progress: 'auto' | 'bars' | 'plain' | 'json' | 'none';
}

export interface PushFlags extends TransferFlags {
  allTags?: boolean;
  firstTag?: boolean;
  image?: string;
  compression: 'gzip' | 'zstd' | 'none';
  compressor: 'auto' | 'builtin' | 'igzip' | 'pigz';
  mountFrom?: string;
  layersFrom?: string[];
  dryRun?: boolean;
}

export interface PullFlags extends TransferFlags {
  format: 'docker' | 'oci';
}

export interface DeleteFlags extends ResultFlags {
  force?: boolean;
}

export interface DeleteTagFlags extends ResultFlags {
  fallback?: boolean;
}

export interface ServeFlags {
  dir?: string;
  port: number;
  host: string;
  readOnly?: boolean;
  /** `user:password` */
  auth?: string;
}

export interface LoginFlags extends ResultFlags {
  username?: string;
  password?: string;
  passwordStdin?: boolean;
}

export interface ReferrersFlags extends ResultFlags {
  artifactType?: string;
}

/** Node's timers fire at once beyond this many seconds. */
const LONGEST_TIMEOUT = 2_147_483;

/** The same ones for all commands: to make an option takes commander longer than to parse a command line. */
const CONNECTION = [
  new Option('--registry <url>', 'registry for names without a host (default: REGISTRY_URL or http://localhost:15000)'),
  new Option('--plain-http', 'speak http, not https'),
  new Option('--insecure', 'accept any TLS certificate'),
  new Option('--ca-file <file>', 'trust this authority, too (default: those in certs.d of docker)'),
  new Option('--cert-file <file>', 'our own TLS certificate, with --key-file'),
  new Option('--key-file <file>', 'the private key of --cert-file'),
  new Option('--proxy <url>', 'go through this HTTP proxy (default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY)'),
  new Option('--config <file>', 'settings for hosts (default: REGISTRY_CLIENT_CONFIG or the one in ~/.config)'),
  new Option('--timeout <seconds>', 'for one metadata request (default: REGISTRY_TIMEOUT or 30)').argParser(seconds),
];

const RESULT = [
  new Option('--json', 'print the result as JSON'),
  new Option('-q, --quiet', 'print the result only, nothing on standard error but errors'),
];

export function withConnection(command: Command): Command {
  return grouped(command, 'Registry:', CONNECTION);
}

export function withPlatform(command: Command): Command {
  return command.option('--platform <platform>', 'this one of several platforms only, for example linux/arm64');
}

export function withConcurrency(command: Command): Command {
  return command.option('--concurrency <n>', 'blobs at once (default: 8, and more that are small)', wholeNumber);
}

export function withProgress(command: Command): Command {
  const words = 'on standard error: bars on a terminal, else lines (auto), or one of these';
  const option = oneOf(new Option('--progress <kind>', words), 'auto', 'bars', 'plain', 'json', 'none');
  return command.addOption(option.default('auto'));
}

/** For every command with a result, also where nothing else is printed anyway: a script adds them without a thought. */
export function withResult(command: Command): Command {
  return grouped(command, 'Result:', RESULT);
}

/** Puts options under a heading of their own; what comes later is the command's own again. */
function grouped(command: Command, heading: string, options: readonly Option[]): Command {
  command.optionsGroup(heading);
  for (const option of options) command.addOption(option);
  return command.optionsGroup('');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError('It takes a whole number from 1 to 1000.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= LONGEST_TIMEOUT) return value;
  throw new InvalidArgumentError(`It takes a number of seconds above 0, at most ${LONGEST_TIMEOUT}.`);
}
