/** A word that a shell takes as it is. Bash and zsh know no escape inside single quotes. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
