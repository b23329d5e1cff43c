import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { fencesIn, notFromSamples } from './support/markdown.js';
import { shapeOf } from './support/page-shape.js';

describe.each(['README.md', 'README.ko.md'])('%s', (name) => {
  it('shows only code that is cut from a sample, which the specs run', async () => {
    const readme = await readFile(name, 'utf8');
    expect(fencesIn(readme, 'ts')).not.toEqual([]);
    expect(await notFromSamples(readme)).toEqual([]);
  });
});

describe('the Korean README', () => {
  let english: string;
  let korean: string;
  beforeAll(async () => {
    [english, korean] = (await Promise.all(['README.md', 'README.ko.md'].map((name) => readFile(name, 'utf8')))) as [
      string,
      string,
    ];
  });

  it('has every section, fence, row, link and name of the English one', () => {
    expect(shapeOf(korean)).toEqual(shapeOf(english));
  });

  it('is written in Korean, under every heading and in every table', () => {
    const headings = korean.match(/^##+ .*$/gm)!;
    const tables = korean.match(/(?:^\|.*\n)+/gm)!;
    expect([...headings, ...tables].filter((text) => !/\p{Script=Hangul}/u.test(text))).toEqual([]);
  });

  it('and the English one link to each other', () => {
    expect(korean).toContain('[English](README.md)');
    expect(english).toContain('[한국어](README.ko.md)');
  });
});

describe('the shape of a page', () => {
  const page = [
    '# Name',
    'Put `a` into [b](b.md), [c](https://c.test/) or [d](#d).',
    '## Start',
    '```sh',
    'run a    # first',
    '# then',
    'run b',
    '```',
    '| x | y |',
    '| - | - |',
    '| `1` | one \\| two |',
    '',
  ].join('\n');

  it('is the same in another language', () => {
    const other = page
      .replace('Name', '이름')
      .replace(/^Put.*$/m, '[c](https://c.test/), [b](b.ko.md), [d](#라)에 `a`를 넣습니다.')
      .replace('first', '먼저')
      .replace('then', '다음')
      .replace('one', '하나');
    expect(shapeOf(other)).toEqual(shapeOf(page));
  });

  it('is told section by section', () => {
    expect(shapeOf(page)).toEqual([
      { level: 1, fences: [], rows: [], links: ['#', 'b.md', 'https://c.test/'], names: ['a'] },
      { level: 2, fences: ['sh\nrun a #\n #\nrun b\n'], rows: [2, 2, 2], links: [], names: ['1'] },
    ]);
  });

  it.each([
    ['a section is gone', '## Start\n', ''],
    ['a heading moves down', '## Start', '### Start'],
    ['a fence moves to another section', /## Start\n(```[^]*```)/, '$1\n## Start'],
    ['a command changes', 'run b', 'run c'],
    ['a comment is gone', '    # first', ''],
    ['a fence has another language', '```sh', '```ts'],
    ['a row is gone', '| `1` | one \\| two |\n', ''],
    ['a column is gone', '| x | y |', '| x |'],
    ['a link leads elsewhere', 'b.md', 'c.md'],
    ['a link to another host is gone', '[c](https://c.test/)', 'c'],
    ['a name is gone', '`a`', 'that'],
  ])('is another when %s', (_, part, instead) => {
    const other = page.replace(part, instead);
    expect(other).not.toBe(page);
    expect(shapeOf(other)).not.toEqual(shapeOf(page));
  });
});
