import { isBuiltin } from 'node:module';
import type { Import, SourceFile } from './source-files.js';

/** A rule about the files of `lib`: a sentence, and what breaks it. */
export interface Rule {
  sentence: string;
  /** One line for each breach, naming the file and the import. */
  breaches(files: readonly SourceFile[]): string[];
}

/** What services may share with the transports: what headers, bodies, URLs and signals mean, but no transport. */
const HELPERS = ['origin', 'retry-after', 'discard', 'response-body', 'time-limit', 'on-abort', 'waiting'].map(
  (name) => `transport/${name}`,
);

/**
 * Who may import whom: a path is a file or a folder of `lib`, and may always import itself. What stands under `types` may be
 * imported as a type only.
 */
const ARROWS: Readonly<Record<string, { from: readonly string[]; types?: readonly string[] }>> = {
  errors: { from: ['error-view'] },
  'error-view': { from: ['redact'] },
  redact: { from: [] },
  home: { from: [] },
  nearest: { from: [] },
  'whole-number': { from: ['errors'] },
  version: { from: [] },
  collect: { from: [] },
  tokens: { from: [] },
  oci: { from: ['errors', 'redact'] },
  'transport/transport': { from: [] },
  transport: { from: ['errors', 'home', 'redact', 'oci', 'version'] },
  config: { from: ['errors', 'home', 'nearest', 'redact', 'whole-number', 'oci', 'transport'] },
  compression: { from: ['errors', 'redact', 'oci'] },
  archive: { from: ['errors', 'redact', 'oci', 'compression'] },
  services: {
    from: ['errors', 'redact', 'whole-number', 'oci', 'tokens', 'transport/transport', ...HELPERS],
    types: ['options'],
  },
  transfer: {
    from: [
      'errors',
      'home',
      'redact',
      'whole-number',
      'oci',
      'services',
      'archive',
      'compression',
      'transport/discard',
    ],
    types: ['transport/transport', 'options'],
  },
  embedded: { from: ['errors', 'redact', 'oci', 'transport/transport'] },
  // Its registry hands out clients that are ready to use, so it stands above the client; nothing below imports it.
  testing: {
    from: ['errors', 'redact', 'oci', 'archive', 'embedded', 'transport/transport', 'registry-client'],
    types: ['client-options'],
  },
  options: {
    from: ['config', 'errors', 'redact', 'whole-number', 'oci', 'transport/origin', 'transport/credentials'],
    types: ['transport', 'transfer', 'services', 'archive', 'compression'],
  },
  'service-overrides': { from: ['services'], types: ['archive', 'options', 'transport/transport'] },
  container: {
    from: ['options', 'tokens', 'services', 'transport', 'archive', 'transfer', 'compression'],
    types: ['service-overrides'],
  },
  'client-options': {
    from: [],
    types: ['archive', 'compression', 'options', 'registry-client', 'service-overrides', 'services', 'transfer'],
  },
  'archive-pushes': {
    from: ['errors', 'oci', 'archive', 'compression', 'transfer'],
    types: ['client-options', 'options', 'transport/transport'],
  },
  'transfer-jobs': { from: ['oci', 'transfer'], types: ['client-options'] },
  'client-events': { from: ['transfer'], types: ['client-options', 'registry-client'] },
  'registry-client': {
    from: [
      'archive-pushes',
      'client-events',
      'transfer-jobs',
      'errors',
      'redact',
      'oci',
      'options',
      'tokens',
      'container',
      'service-overrides',
      'services',
      'transfer',
      'archive',
    ],
    types: ['client-options', 'transport/transport'],
  },
  index: {
    from: [
      'collect',
      'config',
      'errors',
      'oci',
      'options',
      'registry-client',
      'services',
      'transfer',
      'archive',
      'compression',
      'transport',
    ],
    types: ['client-events', 'client-options', 'error-view', 'service-overrides'],
  },
  // A program like any other that uses the package, but for texts it must make safe to print, words it must guess, its version,
  // and `serve`.
  cli: { from: ['index', 'testing', 'nearest', 'redact', 'version'] },
};

export const RULES: readonly Rule[] = [
  {
    sentence: 'no file imports itself by way of others',
    breaches: (files) => cycles(files).map((cycle) => cycle.join(' → ')),
  },
  {
    sentence: 'folders import only those below them',
    breaches: (files) => each(files, (file, used) => (isAllowed(file.path, used) ? undefined : 'is not below it')),
  },
  {
    sentence: 'the archive and the embedded registry know no service',
    breaches: (files) =>
      each(files, (file, { target }) => isIn(file.path, ['archive', 'embedded']) && isIn(target, ['services'])),
  },
  {
    sentence: 'what is public is named one by one, never by export *',
    breaches: (files) =>
      files.flatMap((file) => file.exportStars.map((name) => `${file.path}: export * from '${name}'`)),
  },
  onlyIn('axios', ['transport/axios-transport']),
  onlyIn('p-limit', ['transfer/limiter']),
  onlyIn('node:child_process', ['transport/credential-helper', 'compression/external-gzip']),
  onlyIn('node:worker_threads', ['compression/deflate-thread']),
  {
    sentence: "inversify's container is known to container.ts only, as a type too",
    breaches: (files) =>
      each(files, (file, { specifier, names }) => {
        const seesContainer = names.includes('Container') || names.includes('*');
        return specifier === 'inversify' && seesContainer && file.path !== 'container';
      }),
  },
  {
    sentence: 'imports are literal, so that they can be judged',
    breaches: (files) => each(files, (_, { specifier }) => specifier === '(computed)'),
  },
  {
    sentence: 'a file has at most 300 lines that are not blank',
    breaches: (files) => files.filter((file) => file.lines > 300).map((file) => `${file.path}: ${file.lines} lines`),
  },
  {
    sentence: 'a file exports one class at most, errors.ts excepted',
    breaches: (files) =>
      files
        .filter((file) => file.exportedClasses.length > 1 && file.path !== 'errors')
        .map((file) => `${file.path}: ${file.exportedClasses.join(', ')}`),
  },
];

/**
 * Packages must be declared, and what is needed only for development must not be needed at run time: the command line has such
 * ones in its bundle.
 */
export function declaredOnly(dependencies: readonly string[], bundled: readonly string[] = []): Rule {
  return {
    sentence: 'only packages that package.json declares as dependencies are imported',
    breaches: (files) =>
      each(files, ({ path }, { specifier, target }) => {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        const isDeclared = dependencies.includes(name) || (path.startsWith('cli/') && bundled.includes(name));
        return target === undefined && !isBuiltin(specifier) && !isDeclared;
      }),
  };
}

function onlyIn(name: string, allowed: readonly string[]): Rule {
  return {
    sentence: `${name} is imported by ${allowed.map((path) => `${path}.ts`).join(' and ')} only`,
    breaches: (files) =>
      each(files, (file, { specifier }) => {
        const same = specifier === name || specifier.startsWith(`${name}/`) || `node:${specifier}` === name;
        return same && !allowed.includes(file.path);
      }),
  };
}

/** Asks about every import; a text in the answer says more than that it is wrong. */
function each(files: readonly SourceFile[], isWrong: (file: SourceFile, used: Import) => boolean | string | undefined) {
  return files.flatMap((file) =>
    file.imports.flatMap((used) => {
      const answer = isWrong(file, used);
      if (!answer) return [];
      const what = `${file.path}: ${used.typeOnly ? 'import type' : 'import'} '${used.specifier}'`;
      return [typeof answer === 'string' ? `${what} ${answer}` : what];
    }),
  );
}

function isAllowed(path: string, { target, typeOnly }: Import): boolean {
  if (target === undefined) return true;
  const place = placeOf(path);
  const arrows = ARROWS[place];
  if (arrows === undefined) return false;
  if (place !== 'transport/transport' && isIn(target, [place])) return true;
  return isIn(target, arrows.from) || (typeOnly && isIn(target, arrows.types ?? []));
}

/** The longest path with arrows of its own that the file is, or is in. */
function placeOf(path: string): string {
  if (path in ARROWS) return path;
  return path.split('/')[0]!;
}

function isIn(path: string | undefined, places: readonly string[]): boolean {
  return places.some((place) => path === place || path?.startsWith(`${place}/`));
}

/** Each cycle once, starting at its first file in alphabetical order. Types that name each other are no cycle at run time. */
function cycles(files: readonly SourceFile[]): string[][] {
  const atRunTime = (file: SourceFile) =>
    file.imports.filter((used) => !used.typeOnly).flatMap(({ target }) => target ?? []);
  const next = new Map(files.map((file) => [file.path, atRunTime(file)]));
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) {
      const cycle = startingAtFirst(way.slice(start));
      found.set(cycle.join(), [...cycle, cycle[0]!]);
    } else if (!done.has(path)) {
      for (const target of next.get(path) ?? []) walk(target, [...way, path]);
      done.add(path);
    }
  };
  for (const path of [...next.keys()].sort()) walk(path, []);
  return [...found.values()];
}

function startingAtFirst(cycle: readonly string[]): string[] {
  const first = cycle.indexOf([...cycle].sort()[0]!);
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}
