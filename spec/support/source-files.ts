import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import ts from 'typescript';

/** One `import`, `export … from`, `import()` or `import('…')` type. */
export interface Import {
  /** As written. */
  specifier: string;
  /** Path of the imported file, as `SourceFile.path`; absent for packages and node's own modules. */
  target?: string;
  /** Imported names, `*` for all of them. */
  names: readonly string[];
  /** Whether it is gone after compilation. */
  typeOnly: boolean;
}

export interface SourceFile {
  /** Below the root, without extension: `oci/digest`. */
  path: string;
  imports: readonly Import[];
  /** What `export * from` names. */
  exportStars: readonly string[];
  exportedClasses: readonly string[];
  /** Lines that are not blank. */
  lines: number;
}

/** Every TypeScript file below a folder, read by TypeScript's own parser. */
export function readSourceFiles(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => {
      const file = join(root, name);
      return parseSource(relative(root, file).replaceAll('\\', '/'), readFileSync(file, 'utf8'));
    });
}

export function parseSource(name: string, text: string): SourceFile {
  const path = name.replace(/\.ts$/, '');
  const found = { imports: [] as Import[], exportStars: [] as string[], exportedClasses: [] as string[] };
  const visit = (node: ts.Node): void => {
    collect(node, path, found);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest));
  return { path, ...found, lines: text.split('\n').filter((line) => line.trim() !== '').length };
}

function collect(node: ts.Node, path: string, found: Found): void {
  if (ts.isImportDeclaration(node)) {
    const { specifier, clause } = { specifier: textOf(node.moduleSpecifier), clause: node.importClause };
    found.imports.push(imported(path, specifier, namesOfImport(clause), isTypeImport(clause)));
  } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    const specifier = textOf(node.moduleSpecifier);
    const { names, typeOnly } = namesOfExport(node);
    if (names[0] === '*') found.exportStars.push(specifier);
    found.imports.push(imported(path, specifier, names, typeOnly));
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    found.imports.push(imported(path, textOf(node.arguments[0]), ['*'], false));
  } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    found.imports.push(imported(path, textOf(node.argument.literal), ['*'], true));
  } else if (ts.isClassDeclaration(node) && isExported(node)) {
    found.exportedClasses.push(node.name?.text ?? 'default');
  }
}

interface Found {
  imports: Import[];
  exportStars: string[];
  exportedClasses: string[];
}

function imported(from: string, specifier: string, names: readonly string[], typeOnly: boolean): Import {
  if (!specifier.startsWith('.')) return { specifier, names, typeOnly };
  const target = posix.join(posix.dirname(from), specifier).replace(/\.js$/, '');
  return { specifier, names, typeOnly, target };
}

/** `import()` of anything but a literal cannot be judged, so it is shown as what it is. */
function textOf(node: ts.Node | undefined): string {
  return node && ts.isStringLiteralLike(node) ? node.text : '(computed)';
}

function namesOfImport(clause: ts.ImportClause | undefined): string[] {
  if (clause === undefined) return [];
  const bindings = clause.namedBindings;
  const named = bindings && ts.isNamedImports(bindings) ? bindings.elements.map(importedName) : bindings ? ['*'] : [];
  return [...(clause.name ? ['default'] : []), ...named];
}

function importedName(element: ts.ImportSpecifier | ts.ExportSpecifier): string {
  return (element.propertyName ?? element.name).text;
}

/** An import without names runs the module; one in which every name is a type does not. */
function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name || !bindings || !ts.isNamedImports(bindings) || bindings.elements.length === 0) return false;
  return bindings.elements.every((element) => element.isTypeOnly);
}

function namesOfExport(node: ts.ExportDeclaration): { names: string[]; typeOnly: boolean } {
  const clause = node.exportClause;
  if (!clause || !ts.isNamedExports(clause)) return { names: ['*'], typeOnly: node.isTypeOnly };
  const types = clause.elements.length > 0 && clause.elements.every((element) => element.isTypeOnly);
  return { names: clause.elements.map(importedName), typeOnly: node.isTypeOnly || types };
}

function isExported(node: ts.ClassDeclaration): boolean {
  return (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
}
