import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { InvalidArgumentError } from '../index.js';
import type { Io } from './io.js';

/**
 * Asks the user for one line.
 * @param options.hidden - whether what is typed is kept off the screen
 * @throws the reason of `io.signal` when the user interrupts; InvalidArgumentError when the input ends
 */
export async function ask(question: string, io: Io, { hidden = false } = {}): Promise<string> {
  const screen = new PassThrough();
  // Readline puts the terminal into raw mode and echoes what is typed by itself: here, to nobody.
  screen.on('data', (echo: Buffer) => void (hidden || io.stderr(echo.toString())));
  const lines = createInterface({ input: io.stdin, output: screen, terminal: true, historySize: 0 });
  try {
    if (hidden) io.stderr(question);
    return await answer(lines, question, io.signal);
  } finally {
    lines.close();
    if (hidden) io.stderr('\n');
  }
}

function answer(lines: ReturnType<typeof createInterface>, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    // In raw mode Ctrl+C is a key like any other. The signal it stands for ends the program as it always does.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    lines.on('close', () => reject(new InvalidArgumentError('nothing was entered')));
    lines.question(question, resolve);
  });
}
