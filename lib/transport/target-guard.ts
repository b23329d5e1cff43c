import { lookup } from 'node:dns/promises';
import { RegistryError } from '../errors.js';
import { redactUrl } from '../redact.js';
import { familyOf, isInternal, isLinkLocal, unbracketed } from './origin.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';
import { raceSignal } from './waiting.js';

/**
 * Sends nothing to addresses inside the network of whoever runs this client because a registry outside of it says so, by a
 * redirect, an upload location or a realm. A registry that is inside itself may name its neighbours: storage often has no
 * name there.
 */
export class TargetGuard implements Transport {
  private inside: Promise<boolean> | undefined;

  constructor(
    private readonly inner: Transport,
    private readonly registry: URL,
    private readonly addressesOf: (name: string) => Promise<string[]> = lookedUp,
  ) {}

  async send(request: TransportRequest): Promise<TransportResponse> {
    if (await this.isRefused(request)) throw refused(request, this.registry);
    return this.inner.send(request);
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }

  private async isRefused({ url: { hostname }, signal }: TransportRequest): Promise<boolean> {
    if (hostname === this.registry.hostname || !isInternal(hostname)) return false;
    return isLinkLocal(hostname) || !(await raceSignal((this.inside ??= this.isInside()), signal));
  }

  /** A name that only a proxy can look up counts as outside. */
  private async isInside(): Promise<boolean> {
    const { hostname } = this.registry;
    if (isInternal(hostname)) return true;
    const addresses = familyOf(unbracketed(hostname)) ? [] : await this.addressesOf(hostname).catch(() => []);
    return addresses.some((address) => isInternal(address));
  }
}

async function lookedUp(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

function refused({ method, url }: TransportRequest, registry: URL): RegistryError {
  const shown = redactUrl(url);
  return new RegistryError(
    `${method} ${shown} was not sent: ${registry.host} leads to the internal address ${url.host}`,
    {
      code: 'ADDRESS_REFUSED',
      method,
      url: shown,
    },
  );
}
