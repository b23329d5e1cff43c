export function startCountingProxy(host: string): Promise<{
  host: string;
  take(): { requests: string[]; sent: number };
  stop(): void;
}>;
