import type { Command } from 'commander';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { grammarOf } from '../completion/grammar.js';
import { zshScript } from '../completion/zsh.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The script that has a shell complete this program, made from the same definitions that parse its arguments. */
export function completion(shell: keyof typeof SCRIPTS, program: Command): string {
  return SCRIPTS[shell](grammarOf(program));
}
