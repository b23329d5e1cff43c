export interface Options {
  quick: boolean;
  large: boolean;
  node: string;
  help: boolean;
  runs: number;
  bytes: number;
  rows: string[];
}

export const USAGE: string;
export function parseOptions(args: string[], rows: string[], extra: string[]): Options;
