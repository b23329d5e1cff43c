import { CommanderError } from 'commander';
import { createProgram } from '../../lib/cli/program.js';
import { FakeIo } from '../cli/fake-io.js';
import { fencesIn } from './markdown.js';

const PROGRAM = 'registry-client ';

/** What a page tells its reader to type, as far as it is this program's; comments and what is piped are left out. */
export function commandLinesIn(text: string): string[] {
  const lines = fencesIn(text, 'sh').flatMap((code) => code.replace(/\\\n\s*/g, '').split('\n'));
  const commands = lines.flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/\s(?:\||&&|>|2>|<)\s|\s&\s*$|;|\$\(|\)/));
  return commands.map((command) => command.trim()).filter((command) => command.startsWith(PROGRAM));
}

/** Whether the program would run it; nothing is done. @returns what it says to it otherwise */
export async function refusalOf(line: string): Promise<string | undefined> {
  const io = new FakeIo();
  const program = createProgram(io);
  for (const command of program.commands) command.action(() => undefined);
  const words = line.slice(PROGRAM.length).split(/\s+/).map(unquoted);
  try {
    await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    return `${line}: ${(error as Error).message}`;
  }
}

function unquoted(word: string): string {
  return word.replace(/^(['"])(.*)\1$/, '$2');
}
