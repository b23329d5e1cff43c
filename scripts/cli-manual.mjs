// Turns the definitions of the command line into docs/cli.md. Everything in it comes from what --help prints, so that nothing
// has to be told twice. What it writes is as prettier would format it.

/** @returns {string} Markdown. @param program - the commander program of lib/cli/program.ts */
export function renderManual(program) {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  const after = sectionsAfter(program);
  const variables = namesIn(after.find(({ title }) => title === 'Environment'));
  return [
    `# ${program.name()}`,
    '<!-- Made by npm run docs:cli from lib/cli; change it there. -->',
    program.description(),
    synopsis(
      `${program.name()} <command> [options] [arguments]\n${program.name()} help [command]\n${program.name()} --version`,
    ),
    '## Commands',
    ...commandLists(commands, help),
    '## Options',
    help.visibleOptions(program).map(optionItem).join('\n'),
    ...after.flatMap((section) => renderSection(section, '##')),
    ...commands.flatMap((command) => renderCommand(command, help, variables)),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function commandLists(commands, help) {
  return [...grouped(commands, headingOf)].flatMap(([heading, members]) => [
    heading,
    members
      .map((command) => `- [${command.name()}](#${command.name()}): ${text(help.subcommandDescription(command))}`)
      .join('\n'),
  ]);
}

function headingOf(command) {
  return command.helpGroup() || 'Commands:';
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function renderCommand(command, help, variables) {
  const groups = grouped(help.visibleOptions(command), (option) => option.helpGroupHeading ?? 'Options:');
  const own = [...groups].sort(([a], [b]) => Number(b === 'Options:') - Number(a === 'Options:'));
  const after = sectionsAfter(command);
  const first = after.filter(({ title }) => title === 'Notes');
  return [
    `## ${command.name()}`,
    sentence(command.description()),
    synopsis(help.commandUsage(command)),
    ...first.map(({ body }) => paragraph(body)),
    ...argumentList(command),
    ...own.flatMap(([heading, options]) => [`### ${heading.replace(/:$/, '')}`, options.map(optionItem).join('\n')]),
    ...environment(command, help, variables),
    ...after.filter((section) => !first.includes(section)).flatMap((section) => renderSection(section, '###')),
  ];
}

function argumentList(command) {
  const items = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return item(argument.required ? `<${name}>` : `[${name}]`, argument);
  });
  return items.length === 0 ? [] : ['### Arguments', items.join('\n')];
}

function optionItem(option) {
  return item(option.flags, option);
}

function item(name, { description, argChoices, defaultValue, defaultValueDescription }) {
  const choices = argChoices ? `One of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}.` : '';
  const isTold = defaultValue !== undefined && typeof defaultValue !== 'boolean';
  const byDefault = isTold ? `Default: \`${defaultValueDescription ?? defaultValue}\`.` : '';
  return [`- \`${name}\`: ${sentence(description)}`, choices, byDefault].filter(Boolean).join(' ');
}

/** The variables that the command's own texts name; one that speaks to a registry goes by the others too. */
function environment(command, help, variables) {
  const options = help.visibleOptions(command);
  const told = [...options, ...command.registeredArguments].map(({ description }) => description).join(' ');
  const named = variables.filter((name) => told.includes(name)).map((name) => `\`${name}\``);
  const all = options.some(({ long }) => long === '--registry') ? ['what else [Environment](#environment) lists'] : [];
  const [last, ...rest] = [...named, ...all].reverse();
  return last ? ['### Variables', `${[rest.reverse().join(', '), last].filter(Boolean).join(', and ')}.`] : [];
}

/** What stands behind the options in the help: titles, and indented lines below them. */
function sectionsAfter(command) {
  let printed = '';
  const { writeOut, getOutHelpWidth } = command.configureOutput();
  command.configureOutput({ writeOut: (part) => void (printed += part), getOutHelpWidth: () => 80 });
  const start = command.helpInformation().length;
  command.outputHelp();
  command.configureOutput({ writeOut, getOutHelpWidth });
  return printed
    .slice(start)
    .split(/\n(?=\S[^\n]*:\n)/)
    .map((part) => /^\n*(\S[^\n]*):\n([^]*)$/.exec(part))
    .filter(Boolean)
    .map(([, title, body]) => ({ title, body: body.replace(/\s+$/, '') }));
}

/** Commands as they are typed, names with what they mean, or a text. */
function renderSection({ title, body }, level) {
  const heading = `${level} ${title}`;
  if (title === 'Examples') return [heading, fence(unindented(body), 'sh')];
  const entries = entriesIn(body);
  if (entries.length === 0) return [heading, paragraph(body)];
  return [heading, entries.map(([name, meaning]) => `- \`${name}\`: ${text(meaning)}`).join('\n')];
}

function namesIn(section) {
  return section ? entriesIn(section.body).map(([name]) => name) : [];
}

/** Of a list in two columns; empty for anything else. */
function entriesIn(body) {
  const entries = [];
  for (const line of body.split('\n')) {
    const [, name, meaning] = /^ {2}(\S+) {2,}(\S.*)$/.exec(line) ?? [];
    if (name) entries.push([name, meaning]);
    else if (/^ {6,}\S/.test(line) && entries.length > 0) entries.at(-1)[1] += ` ${line.trim()}`;
    else return [];
  }
  return entries;
}

function synopsis(usage) {
  return fence(usage);
}

/** A synopsis is no command line: it gets no language. */
function fence(code, language = '') {
  return `\`\`\`${language}\n${code}\n\`\`\``;
}

function unindented(body) {
  return body
    .split('\n')
    .map((line) => line.replace(/^ {2}/, ''))
    .join('\n')
    .trim();
}

function paragraph(body) {
  return text(unindented(body).replace(/\n(?!\n)/g, ' '));
}

function sentence(words) {
  const started = words === '' ? '' : words[0].toUpperCase() + words.slice(1);
  return text(/[.!?]$/.test(started) ? started : `${started}.`);
}

/** Shapes of JSON, options, variables, addresses and names with what Markdown would take for something else. */
const CODE =
  /\[?\{.*\}\]?|(?<=^|[\s(])(?:--[a-z][\w-]*|-(?=[\s;,])|[A-Z]+_[A-Z_]+|https?:\/\/[^\s,;)]+|~\/[^\s,;)]+|[^\s,;(]*[[\]@|<>][^\s,;]*)/g;

function text(words) {
  return words.replace(CODE, '`$&`');
}
