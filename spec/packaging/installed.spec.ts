import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { VERSION } from '../../lib/version.js';
import { Consumer } from '../support/consumer.js';
import { parseSource } from '../support/source-files.js';

const ENTRIES = ['registry-api-v2-client', 'registry-api-v2-client/container', 'registry-api-v2-client/testing'];
const IMAGE = resolve('spec/fixtures/docker-26-multi-tag.tar');

/** A program that is not installed is not looked for elsewhere. */
const OFFLINE = { npm_config_offline: 'true', npm_config_yes: 'false' };

/** The same in every module system: a registry in memory, a push, and its tag read back. */
const USE = `
  const registry = await startTestRegistry();
  const client = new RegistryClient({ url: registry.url });
  await client.push(imageTar({ layers: [{ 'etc/motd': 'hello' }] }), 'team/app:1.0');
  console.log((await collect(client.listTags('team/app'))).join());
  await client.close();
  await registry.close();
  console.log(typeof createContainer);`;

let consumer: Consumer;
beforeAll(async () => {
  consumer = await Consumer.install();
}, 120_000);
afterAll(() => consumer?.remove());

describe('the tarball', () => {
  const paths = () => consumer.packed.files.map(({ path }) => path);

  it('holds what is built, the documents, and nothing else', () => {
    const strange = paths().filter(
      (path) =>
        !/^dist\/.+\.(js|d\.ts|js\.map)$|^dist\/cli\/THIRD-PARTY\.txt$|^docs\/.+\.(md|svg|png)$|^[^/]+$/.test(path),
    );
    expect(strange).toEqual([]);
    const files = paths().filter((path) => !path.includes('/') && !/^README\..+\.md$/.test(path));
    expect(files.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json']);
  });

  it('imports nothing but what its dependencies declare', async () => {
    const { dependencies } = JSON.parse(await consumer.read('package.json')) as { dependencies: object };
    const allowed = new Set([...Object.keys(dependencies), ...builtinModules]);
    const undeclared: string[] = [];
    for (const path of paths().filter((name) => /^dist\/.+(\.js|\.d\.ts)$/.test(name))) {
      for (const { specifier } of parseSource(path, await consumer.read(path)).imports) {
        const [scope = '', name = ''] = specifier.replace(/^node:/, '').split('/');
        const known = allowed.has(scope) || allowed.has(`${scope}/${name}`);
        if (!specifier.startsWith('.') && !known) undeclared.push(`${path}: ${specifier}`);
      }
    }
    expect(undeclared).toEqual([]);
  });

  it('has a source map, with the source in it, for each file of the library', async () => {
    const scripts = paths().filter((path) => /^dist\/(?!cli\/).+\.js$/.test(path));
    expect(scripts.length).toBeGreaterThan(100);
    for (const script of scripts) {
      const map = JSON.parse(await consumer.read(`${script}.map`)) as { sources: string[]; sourcesContent: string[] };
      const source = script.replace('dist/', 'lib/').replace(/\.js$/, '.ts');
      expect(join('node_modules/x', script, '..', map.sources[0]!)).toBe(`node_modules/x/${source}`);
      expect(map.sourcesContent).toEqual([await readFile(source, 'utf8')]);
    }
  });
});

describe('installed into an empty project, the package', () => {
  it('works from an ES module', async () => {
    const imports = `
      import { collect, RegistryClient } from '${ENTRIES[0]}';
      import { createContainer } from '${ENTRIES[1]}';
      import { imageTar, startTestRegistry } from '${ENTRIES[2]}';`;
    const { stdout, stderr } = await consumer.node('use.mjs', imports + USE);
    expect({ stdout, stderr }).toEqual({ stdout: '1.0\nfunction\n', stderr: '' });
  });

  it('works from CommonJS', async () => {
    const requires = `
      const { collect, RegistryClient } = require('${ENTRIES[0]}');
      const { createContainer } = require('${ENTRIES[1]}');
      const { imageTar, startTestRegistry } = require('${ENTRIES[2]}');`;
    const { stdout, stderr } = await consumer.node('use.cjs', `${requires}(async () => {${USE}})();`);
    expect({ stdout, stderr }).toEqual({ stdout: '1.0\nfunction\n', stderr: '' });
  });

  it('has types that TypeScript takes as they are, from both', async () => {
    const program = `
      import { collect, RegistryClient, type PushedImage } from '${ENTRIES[0]}';
      import { createContainer } from '${ENTRIES[1]}';
      import { imageTar, startTestRegistry } from '${ENTRIES[2]}';
      export async function use(other: RegistryClient): Promise<PushedImage> {${USE}
        // @ts-expect-error a client has no such method: the types are really there
        other.noSuchMethod();
        return await other.push('x.tar', 'team/app');
      }`;
    await consumer.write('esm.mts', program);
    await consumer.write('commonjs.cts', program);
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: [resolve('node_modules/@types')],
      types: ['node'],
    };
    await consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['esm.mts', 'commonjs.cts'] }));
    const tsc = resolve('node_modules/typescript/bin/tsc');
    const { code, stdout } = await consumer.run(process.execPath, [tsc, '-p', '.']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('says in a stack trace, with --enable-source-maps, which line of our sources it was', async () => {
    const script = `
      import { RegistryClient } from '${ENTRIES[0]}';
      try { new RegistryClient({ url: 'ftp://host' }); } catch (error) { console.log(error.stack); }`;
    const { stdout } = await consumer.node('fail.mjs', script, ['--enable-source-maps']);
    const [, name = '', line = ''] = /registry-api-v2-client\/(lib\/options\.ts):(\d+):\d+/.exec(stdout) ?? [];
    expect(stdout).toContain('registry-api-v2-client/lib/');
    const text = (await readFile(name, 'utf8')).split('\n')[Number(line) - 1];
    expect(text).toMatch(/throw|Error\(|\w+\(.*\)/);
  });

  it('brings its program, which serves a registry and pushes to it', async () => {
    const npx = (...args: string[]) => consumer.run('npx', ['registry-client', ...args], { env: OFFLINE });
    expect(await npx('--version')).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
    const registry = consumer.start('node_modules/.bin/registry-client', ['serve', '--port', '0']);
    const [url] = (await once(registry.child.stdout!, 'data')) as [Buffer];
    try {
      const { code, stdout, stderr } = await npx('push', IMAGE, `${new URL(url.toString().trim()).host}/team/app:1.0`);
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/\/team\/app:1\.0@sha256:[0-9a-f]{64}$/m);
    } finally {
      registry.child.kill();
      await registry.result;
    }
  });
});
