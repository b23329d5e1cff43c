import type { ArgumentGrammar, CommandGrammar, Grammar, OptionGrammar, Value } from './grammar.js';
import { quoted } from './quoted.js';

/** Works from a folder of fpath, where `#compdef` and the last lines' first case count, and with `source`. */
export function zshScript({ name, options, commands }: Grammar): string {
  const prefix = `_${name.replace(/\W/g, '_')}`;
  const described = commands.map((command) => `        ${quoted(`${command.name}:${command.summary}`)}`);
  return `#compdef ${name}
# zsh completion of ${name}; made by: ${name} completion zsh

${prefix}() {
  local curcontext="$curcontext" state line ret=1
  local -a commands
  _arguments -C \\
${[...options.map(optionSpec), "'1: :->command'", "'*:: :->arguments'"].map((spec) => `    ${spec} \\`).join('\n')}
    && ret=0
  case $state in
    command)
      commands=(
${described.join('\n')}
      )
      _describe -t commands command commands && ret=0
      ;;
    arguments)
      case $line[1] in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
  return ret
}

if [[ $funcstack[1] == ${prefix} ]]; then
  ${prefix} "$@"
elif (( $+functions[compdef] )); then
  compdef ${prefix} ${name}
else
  print -u2 '${name}: load compinit before this script'
fi
`;
}

function commandCase({ name, options, takes }: CommandGrammar): string {
  const specs = [...options.map(optionSpec), ...takes.map(argumentSpec)].map((spec) => `            ${spec} \\`);
  return [`        ${name})`, '          _arguments \\', ...specs, '            && ret=0', '          ;;'].join('\n');
}

/** `'(-q --quiet)'{-q,--quiet}'[description]'`: whichever was given, neither is offered again. */
function optionSpec({ flags, description, value, isRepeatable }: OptionGrammar): string {
  const rest = `[${escaped(description)}]${value ? actionFor(value) : ''}`;
  const spelled = flags.map((flag) => `${flag}${value && flag.startsWith('--') ? '=' : ''}`);
  const others = isRepeatable ? '*' : flags.length > 1 ? `(${flags.join(' ')})` : '';
  if (spelled.length === 1) return quoted(`${others}${spelled[0]}${rest}`);
  return `${quoted(others)}{${spelled.join(',')}}${quoted(rest)}`;
}

function argumentSpec({ value, isVariadic }: ArgumentGrammar, i: number): string {
  return quoted(`${isVariadic ? '*' : i + 1}${actionFor(value)}`);
}

function actionFor(value: Value): string {
  return `:${escaped(value.name)}:${COMPLETERS[value.kind](value)}`;
}

const COMPLETERS: Record<Value['kind'], (value: Value) => string> = {
  // Others are offered where there is none of these.
  archive: () => '_files -g "*.(tar|tgz|tar.gz|tar.zst)(-.)"',
  file: () => '_files',
  folder: () => '_files -/',
  choice: ({ choices }) => `(${choices.join(' ')})`,
  // A message, and nothing to choose from.
  text: () => ' ',
};

function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}
