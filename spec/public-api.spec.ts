import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import ts from 'typescript';

/** Every name a module exports, types included, as its source lists them. */
async function exportsOf(file: string): Promise<string[]> {
  const source = ts.createSourceFile(file, await readFile(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const names = source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      return statement.exportClause.elements.map((element) => element.name.text);
    }
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    const name = 'name' in statement ? (statement.name as ts.Identifier | undefined) : undefined;
    return isExported && name ? [name.text] : [];
  });
  return names.sort();
}

/** A change here is a change of the public surface: say so in CHANGELOG.md. */
describe('public names', () => {
  it.each(['lib/index.ts', 'lib/container.ts', 'lib/testing/index.ts'])('of %s are these', async (file) => {
    expect(await exportsOf(file)).toMatchSnapshot();
  });

  it.each(['dist/index.d.ts', 'dist/testing/index.d.ts'])('of %s mention inversify in no type', async (entry) => {
    const seen = new Set<string>();
    const mentions: string[] = [];
    const visit = async (file: string): Promise<void> => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = await readFile(file, 'utf8');
      for (const [, from = ''] of text.matchAll(/from '([^']+)'/g)) {
        if (/inversify/.test(from)) mentions.push(file);
        if (from.startsWith('.'))
          await visit(new URL(from.replace(/\.js$/, '.d.ts'), `file:///${file}`).pathname.slice(1));
      }
    };
    await visit(entry);
    expect(seen.size).toBeGreaterThan(10);
    expect(mentions).toEqual([]);
  });
});
