import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reportsOf } from '../../scripts/api/reports.mjs';
import { TemporaryFolders } from '../support/temporary-folder.js';

const FILES = {
  'package.json': '{ "type": "module" }',
  'main.d.ts': `
    export { Shop, open as openShop } from './shop.js';
    /** Said to people, not to the compiler. */
    export declare const LIMIT: 3;`,
  'more.d.ts': `export type { Stock } from './stock.js';`,
  'shop.d.ts': `
    import type { Stock } from './stock.js';
    import type { Price } from './price.js';
    export declare class Shop {
      #private;
      private readonly till;
      private count;
      private constructor();
      /** Comments change, signatures must not. */
      sell(stock: Stock): Price;
    }
    export declare function open(): Shop;`,
  'stock.d.ts': 'export interface Stock { name: string }',
  'price.d.ts': 'export type Price = { amount: number; of: Currency }; export type Currency = string;',
};

describe('the API report', () => {
  const folders = new TemporaryFolders();
  let reports: Record<string, string>;
  beforeAll(async () => {
    const folder = await folders.make();
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
    reports = reportsOf({ main: join(folder, 'main.d.ts'), more: join(folder, 'more.d.ts') });
  });
  afterAll(() => folders.remove());

  it('has each export by its public name, sorted, without comments and private members', () => {
    expect(reports.main).toMatch(
      /^# main\n\n```ts\nconst LIMIT: 3;\n\nclass Shop \{\n +private constructor\(\);\n +sell\(stock: Stock\): Price;\n\}\n\n\/\/ as openShop\nfunction open\(\): Shop;\n```/,
    );
  });

  it('has the types that these mention and no entry point exports', () => {
    const [, besides] = reports.main!.split('## Not exported, but in the types of what is');
    expect(besides).toMatch(/^\n\n```ts\ntype Currency = string;\n\ntype Price = \{[^]*\};\n```\n$/);
    expect(reports.more).not.toContain('Not exported');
  });
});
