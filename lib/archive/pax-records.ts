/** Keyword → value. Source: POSIX.1-2017 pax, "pax Extended Header". */
export type PaxRecords = ReadonlyMap<string, string>;

const SPACE = 0x20;
const NEWLINE = 0x0a;

/**
 * Reads `<length> <keyword>=<value>\n` records by their lengths: a value may hold newlines, behind which a reader that goes
 * by lines would see records that are not there. An empty value means that the record does not count.
 * @throws Error when a record is not what its length says
 */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const length = decimal(bytes.toString('latin1', at, space < 0 ? at : space));
    const end = at + (length ?? 0);
    if (length === undefined || end > bytes.length || bytes[end - 1] !== NEWLINE) throw malformed();
    const [keyword, value] = splitRecord(bytes.toString('utf8', space + 1, end - 1));
    if (value === '') records.delete(keyword);
    else records.set(keyword, value);
    at = end;
  }
  return records;
}

/** @returns undefined unless `text` is a number of bytes in decimal digits */
export function decimal(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function splitRecord(record: string): [string, string] {
  const equals = record.indexOf('=');
  // As in Go's archive/tar: C programs would see a shorter name.
  if (equals <= 0 || record.includes('\0')) throw malformed();
  return [record.slice(0, equals), record.slice(equals + 1)];
}

function malformed(): Error {
  return new Error('a record is not what its length says');
}
