import type { Argument, Command, Option } from 'commander';

/** What a shell has to know of the program; made from its definitions. */
export interface Grammar {
  name: string;
  /** Those that stand before a command. */
  options: OptionGrammar[];
  commands: CommandGrammar[];
}

export interface CommandGrammar {
  name: string;
  summary: string;
  options: OptionGrammar[];
  takes: ArgumentGrammar[];
}

export interface OptionGrammar {
  /** `-q`, `--quiet`: one or both of them. */
  flags: string[];
  description: string;
  /** Absent for those that take nothing. */
  value?: Value;
  isRepeatable: boolean;
}

export interface ArgumentGrammar {
  value: Value;
  /** Whether all words to the end are this. */
  isVariadic: boolean;
}

/** What stands in a place: files and folders are known by the names their definitions give them, `<tar>`, `<file>`, `<folder>`. */
export interface Value {
  name: string;
  kind: 'archive' | 'file' | 'folder' | 'choice' | 'text';
  choices: readonly string[];
}

export function grammarOf(program: Command): Grammar {
  const commands = visible(program).map((command) => commandGrammar(command));
  const help = commands.find(({ name }) => name === 'help');
  const names = commands.map(({ name }) => name);
  if (help) help.takes = [{ value: { name: 'command', kind: 'choice', choices: names }, isVariadic: false }];
  return { name: program.name(), options: optionsOf(program), commands };
}

function visible(program: Command): Command[] {
  return program.createHelp().visibleCommands(program);
}

function commandGrammar(command: Command): CommandGrammar {
  return {
    name: command.name(),
    summary: command.summary() || command.description(),
    options: optionsOf(command),
    takes: command.registeredArguments.map(argumentGrammar),
  };
}

function optionsOf(command: Command): OptionGrammar[] {
  return command.createHelp().visibleOptions(command).map(optionGrammar);
}

function optionGrammar(option: Option): OptionGrammar {
  const { short, long, description, argChoices: choices } = option;
  const [, name] = /[<[]([^>\]]*)[>\]]/.exec(option.flags) ?? [];
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    ...(name === undefined ? {} : { value: valueOf(name, choices) }),
    isRepeatable: option.variadic || /\brepeatable\b/.test(description),
  };
}

function argumentGrammar(argument: Argument): ArgumentGrammar {
  return { value: valueOf(argument.name(), argument.argChoices), isVariadic: argument.variadic };
}

function valueOf(name: string, choices: readonly string[] | undefined): Value {
  return { name, kind: choices ? 'choice' : kindOf(name), choices: choices ?? [] };
}

function kindOf(name: string): Value['kind'] {
  if (/\btar\b/.test(name)) return 'archive';
  if (/\bfile\b/.test(name)) return 'file';
  return /\bfolder\b/.test(name) ? 'folder' : 'text';
}
