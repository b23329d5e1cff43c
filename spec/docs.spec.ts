import { beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { RULES } from './support/architecture-rules.js';
import { commandLinesIn, refusalOf } from './support/command-lines.js';
import {
  anchorsIn,
  fencesIn,
  isCutFrom,
  notFromSamples,
  type Page,
  readPages,
  relativeLinks,
} from './support/markdown.js';
import { parseSource } from './support/source-files.js';

describe('the documentation', () => {
  let pages: Page[];
  beforeAll(async () => {
    pages = await readPages('.', 'docs', 'bench', 'samples');
  });

  it('is found', () => {
    expect(pages.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'README.ko.md', 'docs/README.md', 'bench/README.md']),
    );
  });

  it('links only to files and headings that are there', async () => {
    const anchors = new Map(pages.map(({ path, text }) => [path, anchorsIn(text)]));
    const problems: string[] = [];
    for (const { path, text } of pages) {
      for (const link of relativeLinks(text)) {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : posix.join(posix.dirname(path), file);
        const isThere = await stat(target).then(
          () => true,
          () => false,
        );
        const isHeading = anchor === undefined || anchors.get(target)?.includes(anchor);
        if (!isThere || !isHeading) problems.push(`${path}: ${link}`);
      }
    }
    expect(problems).toEqual([]);
  });

  it('has an index of its pages', () => {
    const index = pages.find(({ path }) => path === 'docs/README.md')!;
    const names = pages.flatMap(({ path }) => /^docs\/(?!README)(.*)$/.exec(path)?.[1] ?? []);
    expect(relativeLinks(index.text)).toEqual(expect.arrayContaining(names));
  });

  it('has an index of the samples', async () => {
    const index = pages.find(({ path }) => path === 'samples/README.md')!;
    const names = (await readdir('samples')).filter((name) => name.endsWith('.ts'));
    expect(relativeLinks(index.text)).toEqual(expect.arrayContaining(names));
  });

  it('shows only code that is cut from a sample, which the specs run', async () => {
    const foreign = await Promise.all(pages.map(async ({ path, text }) => [path, await notFromSamples(text)] as const));
    expect(pages.flatMap(({ text }) => fencesIn(text, 'ts')).length).toBeGreaterThan(10);
    expect(foreign.filter(([, fences]) => fences.length > 0)).toEqual([]);
  });

  it('names only commands and options that the program knows', async () => {
    const lines = pages.flatMap(({ text }) => commandLinesIn(text));
    expect(lines.length).toBeGreaterThan(20);
    const refusals = await Promise.all(lines.map(refusalOf));
    expect(refusals.filter((refusal) => refusal !== undefined)).toEqual([]);
  });
});

describe('the picture of the house', () => {
  const isFolder = (place: string): Promise<boolean> =>
    stat(`lib/${place}`).then(
      (found) => found.isDirectory(),
      () => false,
    );
  const fileOf = async (place: string): Promise<string> => ((await isFolder(place)) ? `${place}/any` : place);

  it('has only arrows that the rules of the house allow, between what is there', async () => {
    const rule = RULES.find(({ sentence }) => sentence.includes('those below'))!;
    const svg = await readFile('docs/architecture.svg', 'utf8');
    const arrows = [...svg.matchAll(/data-arrow="(\S+) (\S+)"/g)].map(([, from = '', to = '']) => ({ from, to }));
    expect(arrows.length).toBeGreaterThan(10);
    for (const { from, to } of arrows) {
      const [file, used] = await Promise.all([from, to].map(fileOf));
      const up = posix.relative(posix.dirname(file!), used!);
      const source = parseSource(`${file}.ts`, `import '${up.startsWith('.') ? up : `./${up}`}.js'`);
      expect(rule.breaches([source])).toEqual([]);
      const isThere = await Promise.all(
        [from, to].map(async (place) => (await isFolder(place)) || stat(`lib/${place}.ts`)),
      );
      expect(isThere).not.toContain(false);
    }
  });

  it('asks nothing from elsewhere', async () => {
    const svg = await readFile('docs/architecture.svg', 'utf8');
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
      /https?:|@import|@font-face|<script|href/,
    );
  });
});

describe('what is looked for in a page', () => {
  it('is a link, but not one in code or to another host', () => {
    const text = [
      '[a](a.md#b) and [`b`](#c), not `[c](d)`, not [d](https://e.test/)',
      '[h]: i.md',
      '```ts',
      'f[0](g)',
      '```',
    ].join('\n');
    expect(relativeLinks(text)).toEqual(['a.md#b', '#c', 'i.md']);
  });

  it('is a heading under the name that it is linked by, counted where it comes again', () => {
    const text = '# A `b`, c & d!\n## 한국어 절\n```sh\n# no heading\n```\n## [E](f.md)\n### E\n';
    expect(anchorsIn(text)).toEqual(['a-b-c--d', '한국어-절', 'e', 'e-1']);
  });

  it('is code in whole lines, wherever in a sample it stands', () => {
    const sample = 'try {\n  await a.b();\n  c();\n}\n';
    expect(isCutFrom(sample, 'await a.b();\nc();\n')).toBe(true);
    expect(isCutFrom(sample, 'b();\n')).toBe(false);
    expect(isCutFrom(sample, 'await a.b();\nd();\n')).toBe(false);
  });

  it('is a command line, without its comment and what it is piped into', () => {
    const text = [
      '```sh',
      'docker save a | registry-client push - a:1 # b',
      'registry-client \\',
      '  tags a > b',
      'crane ls',
      '```',
    ];
    expect(commandLinesIn(`${text.join('\n')}\n`)).toEqual(['registry-client push - a:1', 'registry-client tags a']);
  });

  it.each([
    ['registry-client pusch a.tar', 'unknown command'],
    ['registry-client push a.tar --fast', 'unknown option'],
    ['registry-client push a.tar --compression lzma', 'is invalid'],
    ['registry-client push', 'missing required argument'],
    ['registry-client tags a b', 'too many arguments'],
  ])('%s is refused', async (line, why) => {
    expect(await refusalOf(line)).toContain(why);
  });

  it.each(['registry-client --help', 'registry-client push a.tar b:1 --quiet', 'registry-client help push'])(
    '%s is not',
    async (line) => expect(await refusalOf(line)).toBeUndefined(),
  );
});
