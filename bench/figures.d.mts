export interface Figures {
  seconds?: number;
  sent?: number;
  requests?: number;
  read?: number;
  cpu?: number;
  rss?: number;
}

export interface Line extends Figures {
  who: string;
  range?: [fastest: number, slowest: number];
}

export type Goal = { who: string; figure?: keyof Figures } & ({ times: number; of: string } | { most: number });

export function median(values: number[]): number;
export function summarize(samples: Figures[]): Figures & { range: [number, number] };
export function table(lines: Line[], against?: string[]): string;
export function judge(lines: Line[], goal: Goal): { text: string; kept: boolean | undefined };
export function bars(points: { label: string; value: number; text: string }[]): string;
export function megabytes(bytes: number): string;
export function kilobytes(bytes: number): string;
export function precise(seconds: number): string;
