import { TarArchive, ValidationError } from '../../index.js';
import { printable } from '../../redact.js';
import type { OutputFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';

/** Reads an archive to its end; every problem is a line of its own, and any problem an error. */
export async function validate(tar: string, { json }: OutputFlags, io: Io): Promise<void> {
  const archive = await TarArchive.open(tar);
  try {
    const report = await archive.validate({ signal: io.signal });
    if (json) io.stdout(formatJson(report));
    else if (report.valid) io.stdout(`${printable(tar)} is a valid image archive\n`);
    else for (const { entry, message } of report.problems) io.stdout(`${printable(`${entry} ${message}`, 4000)}\n`);
    if (report.valid) return;
    const count = report.problems.length;
    throw new ValidationError(
      `${printable(tar)} is not a valid image archive: ${count} problem${count === 1 ? '' : 's'}`,
      report.problems,
    );
  } finally {
    await archive.close();
  }
}
