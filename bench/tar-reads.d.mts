export function readsOf(file: string, trace: string): number;
