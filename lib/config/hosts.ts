import { InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { printable } from '../redact.js';
import { checkHostOptions } from './checks.js';
import type { HostOptions, HostsOptions } from './host-options.js';

/** What would be told to whoever a redirect leads to, or makes no sense for all. */
const NOT_FOR_ALL = ['credentials', 'headers', 'mirrors', 'plainHttp'] as const;

const KEY = /^(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?)$/;

const HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** Settings by host. Nothing of it shows where it is printed: there are passwords in it. */
export class Hosts {
  readonly #entries: ReadonlyMap<string, HostOptions>;

  /** @throws InvalidArgumentError naming the entry or the field that cannot be right */
  constructor(options: HostsOptions = {}) {
    if (!isJsonObject(options)) throw new InvalidArgumentError('the option hosts is not an object');
    const entries = Object.entries(options).map(([key, entry]): [string, HostOptions] => {
      const where = `hosts[${JSON.stringify(printable(key, 200))}]`;
      const host = hostOf(key, where);
      checkHostOptions(where, entry);
      if (host === '*') checkForAll(where, entry);
      return [host, entry];
    });
    this.#entries = new Map(entries);
  }

  /**
   * The entries that fit, as one: those of the host itself over those of its domains, and the nearer domain over the farther.
   * @param host - `host[:port]`, without the port when it is the scheme's own
   */
  for(host: string): HostOptions {
    const keys = keysFor(host.toLowerCase());
    const given = keys.map((key) => Object.entries(this.#entries.get(key) ?? {}));
    return Object.fromEntries(given.flat().filter(([, value]) => value !== undefined));
  }
}

/** Every key that would fit, the most specific one last. */
function keysFor(host: string): string[] {
  const [, name = host, port = ''] = /^(.*?)(:\d+)?$/.exec(host) ?? [];
  const labels = name.startsWith('[') ? [] : name.split('.');
  const domains = labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}${port}`);
  return ['*', ...domains.reverse(), ...(HUB.includes(host) ? HUB : [host])];
}

function hostOf(key: string, where: string): string {
  const host = key.toLowerCase();
  if (KEY.test(host)) return host;
  throw new InvalidArgumentError(`the option ${where} is not about a host`, {
    hint: 'Write host, host:port, *.domain or *, without http:// and without a path.',
  });
}

function checkForAll(where: string, entry: HostOptions): void {
  const [field] = NOT_FOR_ALL.filter((name) => entry[name] !== undefined);
  const identity = entry.tls?.cert === undefined ? undefined : 'tls.cert';
  const wrong = field ?? identity;
  if (wrong === undefined) return;
  throw new InvalidArgumentError(`the option ${where}.${wrong} would hold for every host there is`, {
    hint: 'Name the host, or its domain as *.domain.',
  });
}
