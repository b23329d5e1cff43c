import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HTPASSWD = fileURLToPath(new URL('../../spec/fixtures/basic/htpasswd', import.meta.url));
const ZOT = new URL('../../docker/zot.json', import.meta.url);

/** As docker-compose.yml sets it. Every JSON text is a YAML text. Source: distribution 2.8 `docs/configuration.md`. */
export async function distributionConfig(folder, port, isAuth) {
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString('hex') },
    ...(isAuth ? { auth: { htpasswd: { realm: 'spec registry', path: HTPASSWD } } } : {}),
  };
}

/** That of the container, but in a folder and on an address of this machine. */
export async function zotConfig(folder, port) {
  const config = JSON.parse(await readFile(ZOT, 'utf8'));
  const storage = { ...config.storage, rootDirectory: join(folder, 'storage') };
  return { ...config, storage, http: { ...config.http, address: '127.0.0.1', port: String(port) } };
}
