import { type Argument, type Command, Help, type HelpConfiguration, type Option } from 'commander';

/** Columns: what the narrowest terminal has, and what is still easy to read. */
const [NARROW, WIDE] = [80, 100];

/** Made only when somebody asks for help: most command lines do not, and each defines all commands. */
export type HelpText = () => string;

/** A paragraph with a title, for the end of a command's help. `docs/cli.md` has it too. */
export function section(title: string, text: string): HelpText {
  return () => titled(title, indented(text));
}

/** Command lines, as they are typed. */
export function examples(...lines: readonly string[]): HelpText {
  return () => titled('Examples', lines.map((line) => `  ${line}`).join('\n'));
}

/** Examples of one command, without the program's name. */
export function example(...commands: readonly string[]): HelpText {
  return examples(...commands.map((command) => `registry-client ${command}`));
}

/** A section of names and what they mean, one under the other. */
export function list(title: string, entries: readonly (readonly [name: string, meaning: string])[]): HelpText {
  return () => titled(title, columns(entries));
}

function titled(title: string, body: string): string {
  return `\n${title}:\n${body}`;
}

function columns(entries: readonly (readonly [name: string, meaning: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 2;
  const lines = entries.map(([name, meaning]) => {
    const [first = '', ...rest] = wrapped(meaning, NARROW - 2 - width);
    return [`  ${name.padEnd(width)}${first}`, ...rest.map((line) => ' '.repeat(width + 2) + line)].join('\n');
  });
  return lines.join('\n');
}

const EXITS = {
  ok: ['0', 'ok'],
  registry: ['1', 'registry or network'],
  usage: ['2', 'usage: the command line, a name, a setting'],
  archive: ['3', 'not a valid image archive'],
  authentication: ['4', 'authentication'],
  interrupted: ['130', 'interrupted'],
  unread: ['141', 'an archive on standard output whose reader left before its end'],
} as const;

/** The section about exit codes. Default: all of them. */
export function exitCodes(...ends: readonly (keyof typeof EXITS)[]): HelpText {
  return list('Exit codes', ends.length === 0 ? Object.values(EXITS) : ends.map((name) => EXITS[name]));
}

/** What commands that speak to a registry end with. */
export const REGISTRY_ENDS = ['ok', 'registry', 'usage', 'authentication', 'interrupted'] as const;
/** What commands end with that also read an archive. */
export const ARCHIVE_ENDS = ['ok', 'registry', 'usage', 'archive', 'authentication', 'interrupted'] as const;

/** A command's own options come before those that many have; that commands have options needs no saying. */
export const HELP: HelpConfiguration = {
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(termOf)].join(' '),
  groupItems<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string) {
    const groups = [...new Help().groupItems(all, visible, groupOf)];
    const isOwn = ([heading]: [string, T[]]): boolean => heading === 'Options:';
    return new Map([...groups.filter(isOwn), ...groups.filter((group) => !isOwn(group))]);
  },
};

function termOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** @param columns - of the terminal; undefined where there is none */
export function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? NARROW, WIDE);
}

function indented(text: string): string {
  return wrapped(text, NARROW - 2)
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

function wrapped(text: string, width: number): string[] {
  return new Help().boxWrap(text, width).split('\n');
}
