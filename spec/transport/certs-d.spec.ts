import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findCertificates } from '../../lib/transport/certs-d.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();

describe('findCertificates', () => {
  let root: string;
  const at = (...parts: string[]) => join(root, ...parts);
  const find = (host: string, env: Record<string, string> = {}) =>
    findCertificates(host, { HOME: at('home'), ...env }, () => at('home'), [at('etc/containers'), at('etc/docker')]);

  afterEach(() => folders.remove());

  beforeEach(async () => {
    root = await folders.make();
  });

  function folder(path: string, ...files: string[]): void {
    mkdirSync(at(path), { recursive: true });
    for (const file of files) writeFileSync(at(path, file), '');
  }

  it('finds nothing where there is nothing', () => {
    expect(find('a.test:5000')).toBeUndefined();
  });

  it('knows the port of https, and Docker Hub by the name that people use', () => {
    folder('etc/docker/certs.d/a.test:443', 'ca.crt');
    folder('etc/containers/certs.d/docker.io', 'hub.crt');
    expect(find('a.test')).toEqual({ ca: [at('etc/docker/certs.d/a.test:443/ca.crt')] });
    expect(find('registry-1.docker.io')).toEqual({ ca: [at('etc/containers/certs.d/docker.io/hub.crt')] });
    expect([find('a.test:5000'), find('b.docker.io')]).toEqual([undefined, undefined]);
    folder('etc/docker/certs.d/a.test', 'other.crt');
    expect(find('a.test')).toEqual({ ca: [at('etc/docker/certs.d/a.test/other.crt')] });
  });

  it('takes .crt for authorities, .cert and .key for us, and nothing else', () => {
    folder('etc/docker/certs.d/a.test:5000', 'ca.crt', 'b.crt', 'client.cert', 'client.key', 'README', 'ca.pem');
    const own = at('etc/docker/certs.d/a.test:5000');
    expect(find('a.test:5000')).toEqual({
      ca: [join(own, 'b.crt'), join(own, 'ca.crt')],
      cert: join(own, 'client.cert'),
      key: join(own, 'client.key'),
    });
    expect(find('a.test')).toBeUndefined();
  });

  it('takes the first of several pairs', () => {
    folder('etc/docker/certs.d/a.test', 'b.cert', 'b.key', 'a.cert', 'a.key');
    expect(find('a.test')?.key).toBe(at('etc/docker/certs.d/a.test/a.key'));
  });

  it('looks at the user before the machine, and at one folder only', () => {
    const places = ['etc/docker', 'etc/containers', 'home/.config/containers', 'home/.config/docker', 'home/.docker'];
    for (const place of places) {
      folder(`${place}/certs.d/a.test`, 'ca.crt');
      expect(find('a.test')).toEqual({ ca: [at(place, 'certs.d/a.test/ca.crt')] });
    }
    folder('config/docker/certs.d/a.test', 'x.crt');
    folder('own/certs.d/a.test', 'y.crt');
    expect(find('a.test', { XDG_CONFIG_HOME: at('config') })?.ca).toEqual([at('home/.docker/certs.d/a.test/ca.crt')]);
    expect(find('a.test', { DOCKER_CONFIG: at('own') })?.ca).toEqual([at('own/certs.d/a.test/y.crt')]);
  });

  it.each([
    [['client.cert'], /client\.cert is there without client\.key/],
    [['client.key', 'ca.crt'], /client\.key is there without client\.cert/],
  ])('refuses %j alone', (files, message) => {
    folder('etc/docker/certs.d/a.test', ...files);
    expect(() => find('a.test')).toThrow(message);
  });

  it('goes on where what it finds is no folder', () => {
    folder('home/.docker/certs.d', 'a.test');
    folder('etc/docker/certs.d/a.test', 'ca.crt');
    expect(find('a.test')?.ca).toHaveLength(1);
  });
});
