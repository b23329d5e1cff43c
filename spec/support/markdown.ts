import { readdir, readFile } from 'node:fs/promises';

/** A Markdown page of the project. */
export interface Page {
  /** From the top of the project: `docs/testing.md`. */
  path: string;
  text: string;
}

/** The pages of some folders, those in folders below them left out. */
export async function readPages(...folders: readonly string[]): Promise<Page[]> {
  const lists = await Promise.all(folders.map((folder) => readdir(folder)));
  const paths = folders.flatMap((folder, i) => lists[i]!.filter(isPage).map((name) => inFolder(folder, name)));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, 'utf8') })));
}

/** What stands in the code fences of a language. */
export function fencesIn(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code);
}

/** The fences of a page that no sample has as lines of its own; how far those are indented does not count. */
export async function notFromSamples(text: string): Promise<string[]> {
  const names = await readdir('samples');
  const samples = await Promise.all(names.map((name) => readFile(`samples/${name}`, 'utf8')));
  return fencesIn(text, 'ts').filter((code) => !samples.some((sample) => isCutFrom(sample, code)));
}

export function isCutFrom(sample: string, code: string): boolean {
  return `\n${flush(sample)}`.includes(`\n${flush(code)}`);
}

/** Where links lead that are not to other hosts, as they are written. */
export function relativeLinks(text: string): string[] {
  return linksIn(text).filter((target) => !/^[a-z]+:/i.test(target));
}

/** Where links lead, as they are written. */
export function linksIn(text: string): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, '');
  const links = prose.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm);
  return [...links].map(([, inline, named]) => inline ?? named!);
}

/** The names under which headings can be linked, as GitHub and npm make them. */
export function anchorsIn(text: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const words = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

/** A `#` is a comment there, and brackets are what the language makes of them. */
export function withoutFences(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, '');
}

function flush(text: string): string {
  return text.replace(/^[ \t]+/gm, '');
}

function isPage(name: string): boolean {
  return name.endsWith('.md');
}

function inFolder(folder: string, name: string): string {
  return folder === '.' ? name : `${folder}/${name}`;
}
