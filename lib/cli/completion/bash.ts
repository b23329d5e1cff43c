import type { ArgumentGrammar, CommandGrammar, Grammar, OptionGrammar, Value } from './grammar.js';
import { quoted } from './quoted.js';

/**
 * Works with bash from 3.2 on, which macOS has, and without the package bash-completion. Bash hands over `--option=value` and
 * `host:port/name` in pieces, taken apart at COMP_WORDBREAKS. Where the script says nothing, bash completes files.
 */
export function bashScript(grammar: Grammar): string {
  const { name } = grammar;
  const prefix = `_${name.replace(/\W/g, '_')}`;
  return `# bash completion of ${name}; made by: ${name} completion bash

${prefix}_only() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
  compopt +o default +o bashdefault 2>/dev/null
}

${prefix}_folders() {
  compopt -o dirnames +o default +o bashdefault 2>/dev/null
}

${prefix}() {
${wordsBefore(grammar)}
${answers(prefix, grammar)}
}

complete -o bashdefault -o default -F ${prefix} ${name}
`;
}

/** Finds the command, and which of its arguments the cursor is at. */
function wordsBefore({ options, commands }: Grammar): string {
  return `  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} IFS=$' \\t\\n'
  local command='' ${listed(options)}
  local word skip='' plain='' i index=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == [:=@]* ]]; then
      skip='' i=$((i + 1))
    elif [[ -n $skip ]]; then
      skip=''
    elif [[ -z $plain && $word == -?* ]]; then
      [[ $word == -- ]] && plain=1
      [[ " $valued " == *" $word "* ]] && skip=1
    elif [[ -n $command ]]; then
      index=$((index + 1))
    else
      command=$word
      case $command in
${commands.map((command) => `      ${command.name}) ${listed(command.options)} ;;`).join('\n')}
      *) options='' valued='' ;;
      esac
    fi
  done`;
}

function answers(prefix: string, { commands }: Grammar): string {
  return `  if [[ $prev == [:@]* || $cur == [:@]* ]]; then
    ${prefix}_only ''
    return
  fi
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if [[ -z $plain && " $valued " == *" $prev "* ]]; then
    case "$command $prev" in
${commands.flatMap((command) => valueCases(prefix, command)).join('\n')}
    *) ${prefix}_only '' ;;
    esac
  elif [[ -z $plain && $cur == -* ]]; then
    ${prefix}_only "$options"
  elif [[ -z $command ]]; then
    ${prefix}_only ${quoted(commands.map(({ name }) => name).join(' '))}
  else
    case "$command $((index + 1))" in
${commands.flatMap((command) => argumentCases(prefix, command)).join('\n')}
    *) ${prefix}_only '' ;;
    esac
  fi`;
}

function listed(options: readonly OptionGrammar[]): string {
  return `options=${quoted(flagsOf(options))} valued=${quoted(flagsOf(options.filter(takesValue)))}`;
}

function valueCases(prefix: string, { name, options }: CommandGrammar): string[] {
  return options.flatMap(({ flags, value }) => {
    const action = value && actionFor(prefix, value);
    const patterns = flags.map((flag) => quoted(`${name} ${flag}`)).join(' | ');
    return action === undefined ? [] : [`    ${patterns}) ${action} ;;`];
  });
}

function argumentCases(prefix: string, { name, takes }: CommandGrammar): string[] {
  return takes.flatMap(({ value, isVariadic }: ArgumentGrammar, i) => {
    const action = actionFor(prefix, value);
    const pattern = isVariadic ? `"${name} "*` : quoted(`${name} ${i + 1}`);
    return action === undefined ? [] : [`    ${pattern}) ${action} ;;`];
  });
}

/** Undefined where nothing can be completed. */
function actionFor(prefix: string, { kind, choices }: Value): string | undefined {
  if (kind === 'text') return undefined;
  if (kind === 'choice') return `${prefix}_only ${quoted(choices.join(' '))}`;
  return kind === 'folder' ? `${prefix}_folders` : ':';
}

function takesValue({ value }: OptionGrammar): boolean {
  return value !== undefined;
}

function flagsOf(options: readonly OptionGrammar[]): string {
  return options.flatMap(({ flags }) => flags).join(' ');
}
