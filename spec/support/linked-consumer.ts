import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { type RunResult, run } from './proc.js';
import type { TemporaryFolders } from './temporary-folder.js';

/** What a project of somebody has installed, besides this package as it is built. */
const INSTALLED = ['reflect-metadata', 'inversify', '@types/node', 'undici-types'];

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  skipLibCheck: false,
  types: ['node'],
  allowJs: true,
  checkJs: true,
  noErrorTruncation: true,
};

/** A project in a folder of its own that uses the built package by its name. `npm run build` comes before. */
export class LinkedConsumer {
  private constructor(readonly folder: string) {}

  static async make(folders: TemporaryFolders, type: 'module' | 'commonjs'): Promise<LinkedConsumer> {
    const folder = await folders.make();
    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, '@types'), { recursive: true });
    await symlink(resolve('.'), join(modules, 'registry-api-v2-client'));
    for (const name of INSTALLED) await symlink(resolve('node_modules', name), join(modules, name));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type }));
    return new LinkedConsumer(folder);
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  }

  /** Runs a file with the Node of the specs, and no flags. */
  run(name: string): Promise<RunResult> {
    return run(process.execPath, [name], { cwd: this.folder, env: { NODE_OPTIONS: '' } });
  }

  /** Makes JavaScript of TypeScript as NestJS's faster compiler does: file by file, without a look at the types. */
  async transpile(name: string, source: string, compilerOptions: ts.CompilerOptions): Promise<RunResult> {
    const fileName = name.replace(/\.([cm])js$/, '.$1ts');
    const { outputText } = ts.transpileModule(source, {
      fileName,
      compilerOptions: { ...OPTIONS, ...compilerOptions },
    });
    await this.write(name, outputText);
    return this.run(name);
  }

  /**
   * What TypeScript has against a file, and against the declarations of this package that it leads to, none of which is left out as
   * a library.
   */
  check(name: string, options: ts.CompilerOptions): string[] {
    const root = join(this.folder, name);
    const all = { ...OPTIONS, ...options };
    const program = ts.createProgram([root], all, sharingHost(all));
    const own = program.getSourceFiles().filter(({ fileName }) => fileName === root || fileName.includes('/dist/'));
    const found = [
      ...program.getOptionsDiagnostics(),
      ...own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
    ];
    return found.map(({ file, messageText }) => {
      return `${file?.fileName ?? 'options'}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  }

  /** Files other than those of the consumer, this package and Node's types that a file leads the compiler to. */
  filesBehind(name: string, options: ts.CompilerOptions): string[] {
    const all = { ...OPTIONS, ...options };
    const program = ts.createProgram([join(this.folder, name)], all, sharingHost(all));
    return program
      .getSourceFiles()
      .map(({ fileName }) => fileName)
      .filter((file) => /\/node_modules\/(?!typescript\/|@types\/node\/|undici-types\/)/.test(file));
  }
}

const parsed = new Map<string, ts.SourceFile | undefined>();

/** Node's types and the language's are read once for all programs. */
function sharingHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options, true);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, version, ...rest) => {
    if (!file.endsWith('.d.ts')) return read(file, version, ...rest);
    const { setExternalModuleIndicator: _, ...key } =
      typeof version === 'object' ? version : { languageVersion: version };
    const id = `${JSON.stringify(key)} ${file}`;
    if (!parsed.has(id)) parsed.set(id, read(file, version, ...rest));
    return parsed.get(id);
  };
  return host;
}
