import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { declaredOnly, type Rule, RULES } from './support/architecture-rules.js';
import { parseSource, readSourceFiles } from './support/source-files.js';

const LIB = fileURLToPath(new URL('../lib', import.meta.url));
const PACKAGE = new URL('../package.json', import.meta.url);

function declared(kind: 'dependencies' | 'devDependencies'): string[] {
  const description = JSON.parse(readFileSync(PACKAGE, 'utf8')) as Record<typeof kind, Record<string, string>>;
  return Object.keys(description[kind]);
}

describe('the house', () => {
  const files = readSourceFiles(LIB);

  it('has files to judge', () => {
    expect(files.map((file) => file.path)).toEqual(
      expect.arrayContaining(['errors', 'oci/digest', 'transport/transport']),
    );
    expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(20);
  });

  const packages = declaredOnly(declared('dependencies'), declared('devDependencies'));

  it.each([...RULES, packages].map((rule) => [rule.sentence, rule] as const))('%s', (_, rule) => {
    expect(rule.breaches(files)).toEqual([]);
  });
});

describe('a breach is found and named', () => {
  const rules = new Map([...RULES, declaredOnly(['axios'], ['commander'])].map((rule) => [rule.sentence, rule]));

  function ruleAbout(words: string): Rule {
    const matching = [...rules.values()].filter((rule) => rule.sentence.includes(words));
    expect(matching).toHaveLength(1);
    return matching[0]!;
  }

  function breaches(words: string, sources: Record<string, string>): string[] {
    return ruleAbout(words).breaches(Object.entries(sources).map(([name, text]) => parseSource(name, text)));
  }

  const many = Array.from({ length: 301 }, (_, i) => `const x${i} = ${i};`).join('\n\n');

  it.each<[words: string, sources: Record<string, string>, breach: string | undefined]>([
    ['by way of others', { 'oci/a.ts': `import './b.js'`, 'oci/b.ts': `import './a.js'` }, 'oci/a → oci/b → oci/a'],
    [
      'by way of others',
      {
        'oci/a.ts': `import { C } from './c.js'`,
        'oci/b.ts': `export { a } from './a.js'`,
        'oci/c.ts': `await import('./b.js')`,
      },
      'oci/a → oci/c → oci/b → oci/a',
    ],
    ['by way of others', { 'oci/a.ts': `import './b.js'; import './c.js'`, 'oci/b.ts': `import './c.js'` }, undefined],
    [
      'those below',
      { 'oci/a.ts': `import '../transport/transport.js'` },
      `oci/a: import '../transport/transport.js' is not`,
    ],
    ['those below', { 'errors.ts': `import type { A } from './oci/a.js'` }, `errors: import type './oci/a.js' is not`],
    [
      'those below',
      { 'transport/transport.ts': `import './origin.js'` },
      `transport/transport: import './origin.js' is`,
    ],
    ['those below', { 'transport/origin.ts': `import './transport.js'` }, undefined],
    ['those below', { 'services/a.ts': `import { A } from '../transport/auth-transport.js'` }, 'services/a: import'],
    ['those below', { 'services/a.ts': `import { A } from '../options.js'` }, 'services/a: import'],
    ['those below', { 'services/a.ts': `import { type A } from '../options.js'` }, undefined],
    ['those below', { 'compression/a.ts': `import '../transport/transport.js'` }, 'compression/a: import'],
    ['those below', { 'cli/a.ts': `import '../registry-client.js'` }, 'cli/a: import'],
    ['those below', { 'cli/commands/a.ts': `import '../../index.js'; import '../b.js'` }, undefined],
    ['those below', { 'brand-new/a.ts': `import '../errors.js'` }, 'brand-new/a: import'],
    ['know no service', { 'archive/a.ts': `import type { B } from '../services/b.js'` }, 'archive/a: import type'],
    ['know no service', { 'embedded/a.ts': `import '../services/b.js'` }, 'embedded/a: import'],
    ['export *', { 'index.ts': `export * from './errors.js'` }, `index: export * from './errors.js'`],
    ['export *', { 'index.ts': `export * as all from './errors.js'` }, `index: export *`],
    ['axios is imported', { 'services/a.ts': `import axios from 'axios'` }, `services/a: import 'axios'`],
    ['axios is imported', { 'services/a.ts': `import type { A } from 'axios/lib'` }, 'services/a: import type'],
    ['axios is imported', { 'transport/axios-transport.ts': `import axios from 'axios'` }, undefined],
    [
      'p-limit is imported',
      { 'transfer/push.ts': `const limit = await import('p-limit')` },
      `transfer/push: import 'p-limit'`,
    ],
    ['child_process', { 'cli/main.ts': `import { spawn } from 'child_process'` }, 'cli/main: import'],
    ['child_process', { 'archive/a.ts': `import { spawn } from 'node:child_process'` }, 'archive/a: import'],
    ['worker_threads', { 'compression/a.ts': `import { Worker } from 'node:worker_threads'` }, 'compression/a: import'],
    ["inversify's container", { 'services/a.ts': `import { Container } from 'inversify'` }, 'services/a: import'],
    [
      "inversify's container",
      { 'services/a.ts': `import type { Container as C } from 'inversify'` },
      'services/a: import',
    ],
    ["inversify's container", { 'services/a.ts': `import * as all from 'inversify'` }, 'services/a: import'],
    ["inversify's container", { 'services/a.ts': `import { inject } from 'inversify'` }, undefined],
    ['literal', { 'cli/a.ts': 'await import(name)' }, `cli/a: import '(computed)'`],
    ['300 lines', { 'oci/a.ts': many }, 'oci/a: 301 lines'],
    ['one class', { 'oci/a.ts': 'export class A {} export abstract class B {}' }, 'oci/a: A, B'],
    [
      'one class',
      { 'oci/a.ts': 'export class A {} class B {}', 'errors.ts': 'export class A {} export class B {}' },
      undefined,
    ],
    ['package.json', { 'oci/a.ts': `import 'left-pad/x'` }, `oci/a: import 'left-pad/x'`],
    ['package.json', { 'oci/a.ts': `import '@types/node'; import 'axios/x'` }, `oci/a: import '@types/node'`],
    ['package.json', { 'oci/a.ts': `import 'commander'` }, `oci/a: import 'commander'`],
    ['package.json', { 'cli/a.ts': `import 'commander'` }, undefined],
    ['package.json', { 'oci/a.ts': `import 'node:fs'; import 'fs/promises'; import 'axios'` }, undefined],
  ])('by the rule about "%s" (%#)', (words, sources, breach) => {
    const found = breaches(words, sources);
    if (breach === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(breach)]);
  });
});
