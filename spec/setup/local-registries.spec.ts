import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { FakePrograms } from '../support/fake-programs.js';
import { freePort } from '../support/registry-process.js';
import { startLocal } from '../support/local-registry.js';

/** Answers where the configuration says, and keeps it for the spec. */
const REGISTRY = `
  if (args[0] === '--version') { console.log('registry github.com/distribution/distribution/v3 v3.0.0'); process.exit(); }
  const config = JSON.parse(fs.readFileSync(args[1], 'utf8'));
  say(JSON.stringify(config.http));
  const [host, port] = config.http.addr?.split(':') ?? [config.http.address, config.http.port];
  const server = require('node:http').createServer((request, response) => {
    if (request.url === '/end') { console.error('disk full'); process.exit(1); }
    response.end();
  });
  server.listen(Number(port), host);`;

const NO_DAEMON = `console.error('Cannot connect to the Docker daemon'); process.exit(1);`;

describe('npm run registry', () => {
  let programs: FakePrograms;
  let port: number;
  beforeEach(async () => {
    programs = new FakePrograms({ alone: true });
    port = await freePort();
  });
  afterEach(() => programs.remove());

  it('starts the service of docker-compose.yml, and takes it away again, where Docker runs', async () => {
    programs.add('docker', `say(process.env.REGISTRY_PORT + ' ' + args.join(' '));`);
    const registry = await startLocal('auth', port);
    expect(registry.said).toContain(`http://localhost:${port} is "registry-basic" of docker-compose.yml`);
    expect(await registry.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(programs.log().map((line) => line.replace(/--file \S+docker-compose.yml/, '--file F'))).toEqual([
      `${port} info`,
      `${port} compose --project-name local-registry-${port} --file F up --detach --wait registry-basic`,
      `${port} compose --project-name local-registry-${port} --file F down --volumes`,
    ]);
  });

  it('starts the program of the distribution project without Docker', async () => {
    programs.add('docker', NO_DAEMON);
    programs.add('docker-registry', `console.log('something else');`);
    programs.add('registry', REGISTRY);
    const registry = await startLocal('plain', port);
    expect(registry.said).toContain(`http://localhost:${port} is registry.`);
    expect(registry.said).toContain('It asks for no credentials.');
    await registry.stop();
    expect(programs.log()).toEqual([expect.stringContaining(`"addr":"127.0.0.1:${port}"`)]);
  });

  it('starts zot, on this machine only', async () => {
    programs.add('zot', REGISTRY);
    const registry = await startLocal('zot', port);
    expect(registry.said).toContain(`http://localhost:${port} is zot.`);
    await registry.stop();
    expect(programs.log()).toEqual([JSON.stringify({ address: '127.0.0.1', port: String(port) })]);
  });

  it('starts our own when there is nothing else, and says how to log in', async () => {
    const registry = await startLocal('auth', port);
    expect(registry.said).toContain('is our own registry-client serve.');
    expect(registry.said).toContain(`docker login localhost:${port} --username tester --password-stdin`);
    const status = async (headers: Record<string, string>) =>
      (await fetch(`http://127.0.0.1:${port}/v2/`, { headers })).status;
    const authorization = `Basic ${Buffer.from('tester:spec-password').toString('base64')}`;
    expect([await status({}), await status({ authorization })]).toEqual([401, 200]);
    expect(await registry.stop()).toMatchObject({ code: 0, stderr: '' });
    await expect(status({})).rejects.toThrow();
  });

  it('names every way, and why it does not work here, when none does', async () => {
    programs.add('docker', NO_DAEMON);
    programs.add('zot', `console.error('cannot read its configuration'); process.exit(1);`);
    await expect(startLocal('zot', port)).rejects.toThrow(
      'No registry could be started. Provide one of these:\n' +
        '  - Docker with the compose plugin and a running daemon (here: Cannot connect to the Docker daemon)\n' +
        '  - zot on the PATH (here: cannot read its configuration)\n',
    );
  });

  it('says when its port is taken', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await expect(startLocal('plain', port)).rejects.toThrow(`Port ${port} is in use`);
    other.close();
  });

  it('ends with what a registry said that stops by itself', async () => {
    programs.add('registry', REGISTRY);
    const registry = await startLocal('plain', port);
    await expect(fetch(`http://127.0.0.1:${port}/end`)).rejects.toThrow();
    expect(await registry.result).toMatchObject({ code: 1, stderr: 'The registry has stopped: disk full\n' });
  });
});
