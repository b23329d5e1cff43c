import { InvalidArgumentError } from '../errors.js';
import { isJsonObject } from '../oci/descriptor.js';
import { DOCKER_HUB_NAMES } from '../oci/docker-hub.js';
import { printable } from '../redact.js';
import { checkHostOptions } from './checks.js';
import type { HostOptions, HostsOptions } from './host-options.js';

/** What would be told to whoever a redirect leads to, or makes no sense for all. */
const NOT_FOR_ALL = ['credentials', 'headers', 'mirrors', 'plainHttp'] as const;

const KEY = /^(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?)$/;

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

  /** What holds for a server. A key may write the port of its scheme or leave it out. */
  at({ hostname, port, protocol }: URL): HostOptions {
    return this.for(hostname, port === '' ? ['', protocol === 'https:' ? ':443' : ':80'] : [`:${port}`]);
  }

  /**
   * The entries that fit, as one: those of the host itself over those of its domains, and the nearer domain over the farther.
   * @param ports - how keys may end, `:port`, the end that counts most last
   */
  for(hostname: string, ports: readonly string[]): HostOptions {
    const keys = ['*', ...namesFor(hostname.toLowerCase()).flatMap((name) => ports.map((port) => `${name}${port}`))];
    const given = keys.map((key) => Object.entries(this.#entries.get(key) ?? {}));
    return Object.fromEntries(given.flat().filter(([, value]) => value !== undefined));
  }
}

/** Every name that would fit, the most specific one last. */
function namesFor(name: string): readonly string[] {
  const labels = name.startsWith('[') ? [] : name.split('.');
  const domains = labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}`);
  return [...domains.reverse(), ...(DOCKER_HUB_NAMES.includes(name) ? DOCKER_HUB_NAMES : [name])];
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
