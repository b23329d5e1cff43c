export function startLatencyProxy(host: string, roundTrip: number): Promise<{ host: string; stop(): void }>;
