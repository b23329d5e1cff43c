export interface Options {
  quick: boolean;
  node: string;
  help: boolean;
  runs: number;
  bytes: number;
  rows: string[];
}

export const USAGE: string;
export function parseOptions(args: string[], rows: string[], extra: Record<string, string>): Options;
