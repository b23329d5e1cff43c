import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../lib/config/config-file.js';
import { InvalidArgumentError } from '../../lib/errors.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();

describe('loadConfig', () => {
  let folder: string;
  let path: string;

  afterEach(() => folders.remove());

  beforeEach(async () => {
    folder = await folders.make();
    path = join(folder, 'config.json');
  });

  function written(content: unknown, at = path): void {
    writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
  }

  function failure(content: unknown): InvalidArgumentError {
    written(content);
    try {
      loadConfig({ path });
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      return error as InvalidArgumentError;
    }
    throw new Error('nothing was wrong');
  }

  it('reads the file it is told to', () => {
    const hosts = { 'a.test': { concurrency: 3 } };
    written({ hosts });
    expect(loadConfig({ path })).toEqual({ hosts });
    expect(loadConfig({ env: { REGISTRY_CLIENT_CONFIG: path } })).toEqual({ hosts });
  });

  it('reads the usual file, and does without', () => {
    const env = { XDG_CONFIG_HOME: folder };
    expect(loadConfig({ env })).toEqual({});
    expect(loadConfig({ env: { HOME: join(folder, 'nobody') } })).toEqual({});
    mkdirSync(join(folder, 'registry-api-v2-client'));
    written({ hosts: { '*': { concurrency: 2 } } }, join(folder, 'registry-api-v2-client', 'config.json'));
    expect(loadConfig({ env })).toEqual({ hosts: { '*': { concurrency: 2 } } });
  });

  it('takes a file that is named before the usual one, and misses it', () => {
    const env = { XDG_CONFIG_HOME: folder, REGISTRY_CLIENT_CONFIG: join(folder, 'missing.json') };
    expect(() => loadConfig({ env })).toThrow(/missing\.json cannot be read: ENOENT/);
    written({});
    expect(loadConfig({ path, env })).toEqual({});
  });

  it('reads no more of a file than a configuration can have', () => {
    expect(failure(' '.repeat(1024 * 1024 + 1)).message).toContain('is larger than 1 MiB');
    expect(() => loadConfig({ path: '/dev/zero' })).toThrow('the configuration /dev/zero is larger than 1 MiB');
    expect(() => loadConfig({ path: folder })).toThrow(/cannot be read: EISDIR/);
    written(`{}${' '.repeat(1024 * 1024 - 2)}`);
    expect(loadConfig({ path })).toEqual({});
  });

  it('starts paths at its folder, and leaves PEM alone', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----';
    written({
      hosts: {
        'a.test': { tls: { ca: ['ca.pem', '/etc/ca.pem', pem], cert: 'c.pem', key: './k.pem', passphrase: 'ca.pem' } },
      },
    });
    expect(loadConfig({ path }).hosts?.['a.test']?.tls).toEqual({
      ca: [join(folder, 'ca.pem'), '/etc/ca.pem', pem],
      cert: join(folder, 'c.pem'),
      key: join(folder, 'k.pem'),
      passphrase: 'ca.pem',
    });
  });

  it('takes a byte order mark, and the name of a schema', () => {
    written('\uFEFF{"$schema":"x"}');
    expect(loadConfig({ path })).toEqual({});
  });

  it.each<[unknown, string]>([
    ['{"hosts": {"a.test": {"credentials": {"password": "hunter22}', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    [{ host: {} }, 'is wrong: the option host is unknown. Did you mean hosts?'],
    [
      { hosts: { 'a.test': { mirorrs: [] } } },
      'is wrong: the option hosts["a.test"].mirorrs is unknown. Did you mean mirrors?',
    ],
    [
      { hosts: { 'a.test': { concurrency: 0 } } },
      'hosts["a.test"].concurrency is 0. It takes a whole number from 1 to 1000.',
    ],
  ])('refuses %j', (content, message) => {
    const error = failure(content);
    expect(error.message).toContain(message);
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('hunter22');
  });
});
