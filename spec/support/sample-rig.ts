import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BasicAuth, EmbeddedRegistry, RegistryServer } from '../../lib/testing/index.js';
import { ForwardProxy } from './forward-proxy.js';
import { tlsFile, TlsFront } from './tls-front.js';

/** The servers and files that samples are run with. */
export class SampleRig {
  private constructor(
    /** Where a sample speaks to that is given no address. */
    readonly server: RegistryServer,
    /** Another registry, empty at first. */
    readonly other: RegistryServer,
    /** Lets in `ci` with `open sesame`. */
    readonly locked: RegistryServer,
    /** Answers 403 to whoever does not know the secret of the gateway. */
    readonly gateway: RegistryServer,
    /** `server` behind TLS, for who has a certificate of the private authority. */
    readonly front: TlsFront,
    /** Lets in `me:pass`. */
    readonly proxy: ForwardProxy,
    private readonly folder: string,
  ) {}

  static async start(): Promise<SampleRig> {
    const server = await RegistryServer.start();
    const users = { username: 'ci', password: 'open sesame' };
    const [other, locked, gateway, front, proxy, folder] = await Promise.all([
      RegistryServer.start(),
      RegistryServer.start({ handler: new BasicAuth(new EmbeddedRegistry(), users) }),
      RegistryServer.start({ handler: gatewayBefore(new EmbeddedRegistry()) }),
      TlsFront.start({ to: Number(new URL(server.url).port), wantsClient: true }),
      ForwardProxy.start({ auth: 'me:pass' }),
      mkdtemp(join(tmpdir(), 'samples-')),
    ]);
    const rig = new SampleRig(server, other, locked, gateway, front, proxy, folder);
    await writeFile(rig.path('config.json'), JSON.stringify(settingsFor(rig)));
    return rig;
  }

  /** Of a file that goes when the rig goes. */
  readonly path = (name: string): string => join(this.folder, name);

  async stop(): Promise<void> {
    await this.front.stop();
    await this.proxy.stop();
    for (const registry of [this.server, this.other, this.locked, this.gateway]) await registry.close(0);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The two registries, of which one cannot be reached without. */
function settingsFor({ front, other }: SampleRig): object {
  const tls = { ca: tlsFile('ca.pem'), cert: tlsFile('client.pem'), key: tlsFile('client.key') };
  return { hosts: { [`127.0.0.1:${front.port}`]: { tls }, [new URL(other.url).host]: { requestsPerSecond: 1000 } } };
}

function gatewayBefore(registry: EmbeddedRegistry): RegistryServer['handler'] {
  return {
    handle: (request) =>
      request.headers['cf-access-client-secret'] === 'open sesame'
        ? registry.handle(request)
        : Promise.resolve({ status: 403, headers: {} }),
  };
}
