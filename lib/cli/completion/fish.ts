import type { CommandGrammar, Grammar, OptionGrammar, Value } from './grammar.js';

/** Works from fish 3 on. */
export function fishScript({ name, options, commands }: Grammar): string {
  const prefix = `__${name.replace(/\W/g, '_')}`;
  const at = (...place: readonly (string | number)[]): string =>
    `complete -c ${name} -n ${quoted([`${prefix}_at`, ...place.map((word) => quoted(String(word)))].join(' '))}`;
  const offered = commands.map((command) => `${at('')} -a ${command.name} -d ${quoted(command.summary)}`);
  return `# fish completion of ${name}; made by: ${name} completion fish

function ${prefix}_valued --description 'The options of a command that take a value'
    switch $argv[1]
${[{ name: '', options }, ...commands].flatMap(valuedCase).join('\n')}
    end
end

function ${prefix}_at --description 'Whether the cursor is in a command, and at its nth argument'
    set -l words (commandline -opc)
    set -l command ''
    set -l index 1
    set -l skip no
    set -l plain no
    for word in $words[2..-1]
        if test $skip = yes
            set skip no
        else if test $plain = no; and string match -q -- '-?*' $word
            test "$word" = --; and set plain yes
            contains -- $word (${prefix}_valued "$command"); and set skip yes
        else if test -z "$command"
            set command $word
        else
            set index (math $index + 1)
        end
    end
    test "$command" = "$argv[1]"; or return 1
    set -q argv[2]; or return 0
    test $index -ge $argv[2]; and test $index -le $argv[3]
end

complete -c ${name} -e
complete -c ${name} -f
${[...offered, ...options.map((option) => `${at('')}${optionSpec(option)}`)].join('\n')}
${commands.flatMap((command) => linesOf(at, command)).join('\n')}
`;
}

/** More arguments than anybody gives. */
const ALL = 9999;

function linesOf(at: (...place: readonly (string | number)[]) => string, command: CommandGrammar): string[] {
  const { name, options, takes } = command;
  const places = takes.flatMap(({ value, isVariadic }, i) => {
    const action = actionFor(value);
    return action === '' ? [] : [`${at(name, i + 1, isVariadic ? ALL : i + 1)}${action}`];
  });
  return [...options.map((option) => `${at(name)}${optionSpec(option)}`), ...places];
}

function optionSpec({ flags, description, value }: OptionGrammar): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`)).join('');
  return `${names}${value ? ` ${value.kind === 'file' ? '-r' : '-x'}${actionFor(value)}` : ''} -d ${quoted(description)}`;
}

function actionFor({ kind, choices }: Value): string {
  if (kind === 'choice') return ` -a ${quoted(choices.join(' '))}`;
  if (kind === 'archive') return ` -k -a '(__fish_complete_suffix .tar)'`;
  if (kind === 'folder') return ` -a '(__fish_complete_directories)'`;
  return kind === 'file' ? ' -F' : '';
}

function valuedCase({ name, options }: Pick<CommandGrammar, 'name' | 'options'>): string[] {
  const flags = options.filter(({ value }) => value !== undefined).flatMap((option) => option.flags);
  return flags.length === 0 ? [] : [`        case ${quoted(name)}`, `            printf '%s\\n' ${flags.join(' ')}`];
}

/** Unlike other shells, fish knows `\\'` inside single quotes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
