export function reportsOf(entries: Readonly<Record<string, string>>): Record<string, string>;
