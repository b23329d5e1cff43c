import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../lib/config/config-file.js';
import { resolveOptions } from '../../lib/options.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const PAGE = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const OPTIONS = readFileSync(new URL('../../lib/options.ts', import.meta.url), 'utf8');
const HOST_OPTIONS = readFileSync(new URL('../../lib/config/host-options.ts', import.meta.url), 'utf8');
const folders = new TemporaryFolders();

/** The fields of an interface, by its source. */
function fieldsOf(name: string, source: string): string[] {
  const [, body = ''] = new RegExp(`interface ${name} [^{]*\\{([^]*?)\\n\\}`).exec(source) ?? [];
  return [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, field]) => field as string);
}

describe('docs/configuration.md', () => {
  afterEach(() => folders.remove());

  it('has a file that is read as it stands', async () => {
    const [, json = ''] = /```json\n([^]*?)```/.exec(PAGE) ?? [];
    const path = join(await folders.make(), 'config.json');
    writeFileSync(path, json);
    const { hosts } = loadConfig({ path });
    expect(Object.keys(hosts ?? {})).toHaveLength(6);
    const resolved = resolveOptions({ url: '192.168.1.5:5000', ...(hosts ? { hosts } : {}) }, {});
    expect([resolved.url.href, resolved.concurrency]).toEqual(['http://192.168.1.5:5000/', 4]);
  });

  it('names every option, and every field of a host', () => {
    const fields = [...fieldsOf('RegistryClientOptions', OPTIONS), ...fieldsOf('HostOptions', HOST_OPTIONS)];
    expect(fields.length).toBeGreaterThan(15);
    const unnamed = fields.filter((field) => field !== 'transport' && !PAGE.includes(`\`${field}`));
    expect(unnamed).toEqual([]);
  });
});
