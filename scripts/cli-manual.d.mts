import type { Command } from 'commander';

/** The manual of the command line as Markdown. */
export function renderManual(program: Command): string;
