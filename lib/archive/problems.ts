import { type ArchiveProblem, ValidationError } from '../errors.js';
import { printable } from '../redact.js';

/** Code of the error for an entry that is not in the archive, which can be no fault of the archive. */
const ABSENT = 'ENTRY_ABSENT';
/** Problems spelt out in a message; the error's list has all of them. */
const SHOWN = 10;

/** Gathers everything that is wrong, so that the user sees the whole list at once. */
export class Problems {
  readonly list: ArchiveProblem[] = [];
  /** Whether nothing is wrong but that entries are absent. */
  onlyAbsences = true;

  /** The result of `work`, or undefined when it finds something wrong with the archive. */
  async attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      this.add(error.problems);
      if (error.code !== ABSENT) this.onlyAbsences = false;
      return undefined;
    }
  }

  addAll(others: Problems): void {
    this.add(others.list);
    if (!others.onlyAbsences) this.onlyAbsences = false;
  }

  /** One by one: a call does not take as many arguments as a list may have elements. */
  private add(problems: readonly ArchiveProblem[]): void {
    for (const one of problems) this.list.push(one);
  }
}

/** One problem with one entry. */
export function invalid(entry: string, message: string): ValidationError {
  return problem(entry, message);
}

/** The problem that an entry is not in the archive. */
export function absent(entry: string, message = 'is not in the archive'): ValidationError {
  return problem(entry, message, ABSENT);
}

/** @param archive - name of the file */
export function problemsError(problems: readonly ArchiveProblem[], archive: string): ValidationError {
  const unique = uniqueProblems(problems);
  const shown = unique.slice(0, SHOWN).map(({ entry, message }) => `${entry} ${message}`);
  const more = unique.length > shown.length ? `, and ${unique.length - shown.length} more` : '';
  const what = `${archive} is not a valid image archive: ${shown.join('; ')}${more}`;
  return new ValidationError(what, unique, { hint: 'Save the image again, and give the file as it was written.' });
}

/** Images share layers, and with them their problems. */
export function uniqueProblems(problems: readonly ArchiveProblem[]): ArchiveProblem[] {
  return [...new Map(problems.map((one) => [`${one.entry}\n${one.message}`, one])).values()];
}

function problem(entry: string, message: string, code?: string): ValidationError {
  const name = entry === '' ? '""' : printable(entry, 300);
  const details = code === undefined ? {} : { code };
  return new ValidationError(`${name} ${message}`, [{ entry: name, message }], details);
}
