/** Takes back what the set-up did, the last thing first. */
export default async function globalTeardown(): Promise<void> {
  const undoAll = (globalThis as Record<symbol, unknown>)[Symbol.for('registry-api-v2-client.spec.undo')];
  await (undoAll as () => Promise<void>)();
}
