import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A folder at the front of the PATH with programs of a spec's own in it, written in JavaScript. */
export class FakePrograms {
  readonly folder = mkdtempSync(join(tmpdir(), 'fake-programs-'));
  private readonly path = process.env.PATH;

  /** @param alone - whether nothing else stays on the PATH */
  constructor({ alone = false } = {}) {
    process.env.PATH = alone ? this.folder : `${this.folder}${delimiter}${this.path}`;
  }

  /**
   * @param script - body of an ES module; `args` are the arguments, `say` adds a line to `log()`, `program(name, text)` writes
   * another executable
   */
  add(name: string, script: string): void {
    const prelude = `#!${process.execPath}
const fs = require('node:fs'), path = require('node:path');
const args = process.argv.slice(2);
const say = (line) => fs.appendFileSync(path.join(__dirname, 'log'), line + '\\n');
const program = (name, text) => fs.writeFileSync(path.join(__dirname, name), text, { mode: 0o755 });
`;
    writeFileSync(join(this.folder, name), prelude + script);
    chmodSync(join(this.folder, name), 0o755);
  }

  log(): string[] {
    try {
      return readFileSync(join(this.folder, 'log'), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  }

  remove(): void {
    process.env.PATH = this.path;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
