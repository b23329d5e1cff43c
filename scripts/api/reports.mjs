import { basename } from 'node:path';
import ts from 'typescript';

/**
 * @param entries - the `.d.ts` of each entry point, by its name
 * @returns the report of each, by the same names: what it exports, and which types of ours these need besides
 */
export function reportsOf(entries) {
  const program = ts.createProgram(Object.values(entries), {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
  });
  const surface = new Surface(program);
  const exported = Object.entries(entries).map(([name, path]) => [name, surface.exportsOf(path)]);
  const everywhere = new Set(exported.flatMap(([, symbols]) => [...symbols.values()]));
  return Object.fromEntries(exported.map(([name, symbols]) => [name, surface.report(name, symbols, everywhere)]));
}

class Surface {
  #checker;
  #program;
  #printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

  constructor(program) {
    this.#program = program;
    this.#checker = program.getTypeChecker();
  }

  exportsOf(path) {
    const module = this.#checker.getSymbolAtLocation(this.#program.getSourceFile(path));
    if (module === undefined) throw new Error(`${path} exports nothing`);
    const symbols = this.#checker.getExportsOfModule(module);
    return new Map(symbols.map((symbol) => [symbol.name, this.#resolved(symbol)]));
  }

  report(name, exported, everywhere) {
    const needed = [...this.#neededBy(exported.values(), everywhere)].map((symbol) => [symbol.name, symbol]);
    const besides = needed.length === 0 ? [] : ['## Not exported, but in the types of what is', ...this.#fence(needed)];
    const lines = [`# ${name}`, ...this.#fence(exported), ...besides];
    return `${lines.join('\n\n')}\n`;
  }

  #fence(symbols) {
    const sorted = [...symbols].sort(([a], [b]) => (a < b ? -1 : 1));
    return [`\`\`\`ts\n${sorted.map(([name, symbol]) => this.#text(name, symbol)).join('\n\n')}\n\`\`\``];
  }

  /** Whatever a printed declaration mentions, and what that mentions in turn. */
  #neededBy(symbols, known) {
    const needed = new Set();
    const visit = (node) => {
      if (isPrivate(node)) return;
      if (ts.isIdentifier(node)) add(this.#checker.getSymbolAtLocation(node));
      ts.forEachChild(node, visit);
    };
    const add = (found) => {
      const symbol = found && this.#resolved(found);
      if (symbol === undefined || known.has(symbol) || needed.has(symbol) || !this.#isOurs(symbol)) return;
      needed.add(symbol);
      symbol.declarations.forEach(visit);
    };
    for (const symbol of symbols) symbol.declarations?.forEach(visit);
    return needed;
  }

  /** Declared by itself in a file of this package; a member or a parameter is printed with its owner. */
  #isOurs(symbol) {
    return symbol.declarations?.some((declaration) => {
      const file = declaration.getSourceFile();
      const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      return statement.parent === file && !this.#program.isSourceFileFromExternalLibrary(file) && !isOfNode(file);
    });
  }

  #resolved(symbol) {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #text(name, symbol) {
    if (symbol.declarations === undefined) throw new Error(`${name} is exported, but declared nowhere`);
    const parts = symbol.declarations.map((declaration) => {
      const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      const text = this.#printer.printNode(ts.EmitHint.Unspecified, statement, declaration.getSourceFile());
      return withoutPrivate(text).replace(/^(?:export )?(?:declare )?/, '');
    });
    return [...(symbol.name === name ? [] : [`// as ${name}`]), ...parts].join('\n');
  }
}

function isOfNode(file) {
  return /\/node_modules\//.test(file.fileName) || /^lib\..*\.d\.ts$/.test(basename(file.fileName));
}

function isPrivate(node) {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) && !ts.isConstructorDeclaration(node);
}

/** A constructor that is private is part of the surface: it tells to use something else. */
function withoutPrivate(text) {
  return text.replace(/^ +(?:private (?!constructor).*|#private);\n/gm, '');
}
