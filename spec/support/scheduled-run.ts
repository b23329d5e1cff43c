import { strict as assert } from 'node:assert';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { BasicAuth } from '../../lib/embedded/basic-auth.js';
import { BearerAuth } from '../../lib/embedded/bearer-auth.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { Faults } from '../../lib/embedded/faults.js';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { MemoryStore } from '../../lib/embedded/memory-store.js';
import type { RegistryHandler } from '../../lib/embedded/message.js';
import { Personality } from '../../lib/embedded/personality.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { DigestMismatchError, RegistryClientError } from '../../lib/errors.js';
import { RegistryClient } from '../../lib/registry-client.js';
import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import type { Transport } from '../../lib/transport/transport.js';
import { describeSchedule, type FaultSchedule } from './fault-schedule.js';
import { imageTar } from './image-tar.js';
import { assertImages, assertSameTags, tagsOf } from './stored-images.js';
import { TemporaryFolders } from './temporary-folder.js';

/** Milliseconds within which every run must have ended, well or badly. */
const BOUND = 20_000;
/** Milliseconds without a byte. Machines that run specs are busy, so this is much for a loopback. */
const PATIENCE = 700;

const SECRET = 'the-password-of-a-schedule';
const SOURCE = 'team/app:source';
const TARGET = 'team/copy:target';

type Parts = Pick<FaultSchedule, 'sockets' | 'auth' | 'tokensEndAfter' | 'chunkMinLength' | 'personality' | 'faults'>;

/** What happens here is what should happen anywhere. */
const IDEAL: Parts = {
  sockets: false,
  auth: 'none',
  tokensEndAfter: undefined,
  chunkMinLength: 0,
  personality: undefined,
  faults: [],
};

type Outcome = { error?: unknown };

/**
 * Does what a schedule says. The run must end in time, either in exact success or in an error that says what was done, and
 * the same without faults must complete what it left.
 * @throws AssertionError telling the schedule
 */
export async function runSchedule(schedule: FaultSchedule): Promise<void> {
  const run = new ScheduledRun(schedule);
  try {
    await run.check();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${describeSchedule(schedule)}\nfaults that happened: ${run.happened}\n${reason}`, {
      cause: error,
    });
  } finally {
    await run.end();
  }
}

class ScheduledRun {
  private readonly folders = new TemporaryFolders();
  private readonly tar: ReturnType<typeof imageTar>;
  private readonly faulty: RegistryUnderTest;
  private readonly ideal = new RegistryUnderTest(IDEAL);
  private folder = '';

  constructor(private readonly schedule: FaultSchedule) {
    this.tar = imageTar(schedule.image);
    this.faulty = new RegistryUnderTest(schedule);
  }

  get happened(): string {
    return this.faulty.faults.fired
      .map(({ fault, method, target }) => `${method} ${target} ${inspect(fault)}`)
      .join('; ');
  }

  async check(): Promise<void> {
    this.folder = await this.folders.make();
    await this.faulty.start();
    await this.ideal.start(this.faulty.url);
    await this.prepare();
    const expected = await this.act(this.ideal);
    const outcome = await withinBound(this.act(this.faulty));
    if (outcome.error === undefined) await this.assertDone(expected);
    else await this.assertFailedWell(outcome.error, expected);
    this.faulty.isFaulty = false;
    const again = await withinBound(this.act(this.faulty));
    if (again.error !== undefined) throw new Error('the run without faults failed', { cause: again.error });
    await this.assertDone(expected);
  }

  async end(): Promise<void> {
    await this.faulty.end();
    await this.ideal.end();
    await this.folders.remove();
  }

  /** What is pulled or copied has to be there before. */
  private async prepare(): Promise<void> {
    await writeFile(join(this.folder, 'image.tar'), this.tar.tar);
    if (!/pull|copy/.test(this.schedule.way)) return;
    for (const registry of [this.ideal, this.faulty]) {
      const source = registry.stores[this.schedule.way === 'copy into the registry' ? 1 : 0];
      await clientOf(source).push(this.tar.tar, SOURCE, this.options);
    }
  }

  private async act(registry: RegistryUnderTest): Promise<Outcome> {
    const { way } = this.schedule;
    const { client, name } = registry;
    try {
      await this.actions[way](client, join(this.folder, name), registry);
      return {};
    } catch (error) {
      return { error: error ?? new Error('it threw nothing at all') };
    }
  }

  private get options() {
    const { compression, concurrency } = this.schedule;
    return { compression, compressor: 'builtin', ...(concurrency === undefined ? {} : { concurrency }) } as const;
  }

  private readonly actions: Readonly<
    Record<
      FaultSchedule['way'],
      (client: RegistryClient, path: string, registry: RegistryUnderTest) => Promise<unknown>
    >
  > = {
    'push a file': (client) => client.push(join(this.folder, 'image.tar'), 'team/app:v0', this.options),
    'push bytes': (client) => client.push(this.tar.tar, 'team/app:v0', this.options),
    'push a stream': (client) =>
      client.push(createReadStream(join(this.folder, 'image.tar')), 'team/app:v0', this.options),
    'push the original tags': (client) => client.pushOriginalTags(join(this.folder, 'image.tar'), this.options),
    'pull into a file': (client, path) => client.pull(SOURCE, `${path}.tar`, this.pullOptions),
    'pull into a stream': async (client, path) => {
      const { size, bytes } = await pulledBytes((target) => client.pull(SOURCE, target, this.pullOptions));
      assert.equal(bytes.length, size, 'the bytes of the stream');
      await writeFile(`${path}.tar`, bytes);
    },
    'copy within the registry': (client) => client.copy(SOURCE, TARGET, this.copyOptions),
    'copy into the registry': (client, _, registry) =>
      registry.other.copy(SOURCE, TARGET, { ...this.copyOptions, to: client }),
    'copy out of the registry': (client, _, registry) =>
      client.copy(SOURCE, TARGET, { ...this.copyOptions, to: registry.other }),
  };

  private get copyOptions() {
    const { concurrency } = this.schedule;
    return concurrency === undefined ? {} : { concurrency };
  }

  private get pullOptions() {
    return { ...this.copyOptions, format: this.schedule.image.format.startsWith('oci') ? 'oci' : 'docker' } as const;
  }

  private async assertDone(expected: Outcome): Promise<void> {
    assert.equal(expected.error, undefined, `without faults: ${String(expected.error)}`);
    await assertSameTags(this.faulty.stores, this.ideal.stores);
    for (const store of this.faulty.stores) await assertImages(store, this.tar.images);
    const files = await readdir(this.folder);
    if (!this.schedule.way.startsWith('pull')) return;
    assert.equal(files.sort().join(), 'faulty.tar,ideal.tar,image.tar');
    const [pulled, right] = await Promise.all(
      ['faulty', 'ideal'].map((name) => readFile(join(this.folder, `${name}.tar`))),
    );
    assert.ok(pulled!.equals(right!), 'another archive');
    // What is in an archive can be pushed.
    const store = new MemoryStore();
    await clientOf(store).push(pulled!, SOURCE, this.options);
    await assertSameTags([store], [this.ideal.stores[0]]);
  }

  private async assertFailedWell(error: unknown, expected: Outcome): Promise<void> {
    assert.ok(error instanceof RegistryClientError, `no error of the family: ${inspect(error)}`);
    assert.match(error.message, /team\/|\/v2\/|\/token|\b(GET|HEAD|POST|PATCH|PUT)\b/, 'it does not say what was done');
    assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(SECRET), 'it tells the password');
    assert.equal(expected.error, undefined, `without faults: ${String(expected.error)}`);
    const files = await readdir(this.folder);
    assert.ok(!files.includes('faulty.tar'), 'half an archive is left');
    assert.ok(
      files.every((name) => /^(ideal|image)\.tar$/.test(name)),
      `left over: ${files.join(', ')}`,
    );
    // A manifest that was damaged on its way is in the registry when that is found out.
    if (error instanceof DigestMismatchError && error.message.includes('pushing the manifest')) return;
    const right = await Promise.all(this.ideal.stores.map(tagsOf));
    for (const [index, store] of this.faulty.stores.entries()) {
      for (const [tag, digest] of Object.entries(await tagsOf(store))) {
        assert.equal(digest, right[index]?.[tag], `the tag ${tag} is wrong`);
      }
    }
  }
}

/** A registry that fails for as long as it is told to, a second one beside it that never does, and their clients. */
class RegistryUnderTest {
  isFaulty = false;
  readonly faults: Faults;
  readonly stores = [new MemoryStore(), new MemoryStore()] as const;
  readonly name: string;
  client!: RegistryClient;
  /** Of the registry beside it. */
  other!: RegistryClient;
  private readonly front: RegistryHandler;
  private readonly inner: RegistryHandler;
  private server: RegistryServer | undefined;

  constructor(private readonly parts: Parts) {
    const { personality, auth, chunkMinLength, faults } = parts;
    const registry = new EmbeddedRegistry({ store: this.stores[0], chunkMinLength });
    const peculiar = personality === undefined ? registry : new Personality(registry, personality);
    const credentials = { username: this.username, password: SECRET };
    const guards = {
      none: () => peculiar,
      basic: () => new BasicAuth(peculiar, credentials),
      bearer: () => this.withTokensThatEnd(new BearerAuth(peculiar, { credentials })),
    };
    this.name = faults.length === 0 ? 'ideal' : 'faulty';
    this.inner = guards[auth]();
    this.faults = new Faults(this.inner, faults);
    this.isFaulty = faults.length > 0;
    this.front = { handle: (request) => (this.isFaulty ? this.faults : this.inner).handle(request) };
  }

  private withTokensThatEnd(auth: BearerAuth): RegistryHandler {
    let requests = 0;
    return {
      handle: (request) => {
        if (++requests === this.parts.tokensEndAfter) auth.expireTokens();
        return auth.handle(request);
      },
    };
  }

  get url(): string {
    return this.server?.url ?? 'http://registry.test';
  }

  /** @param url - what its client is to believe, because it writes that into archives */
  async start(url?: string): Promise<void> {
    const { sockets } = this.parts;
    this.server = sockets ? await RegistryServer.start({ handler: this.front }) : undefined;
    this.client = this.clientFor(
      url ?? this.url,
      this.server
        ? new AxiosTransport({ idleTimeout: PATIENCE, responseTimeout: PATIENCE })
        : new EmbeddedTransport(this.front),
    );
    const beside = new EmbeddedTransport(new EmbeddedRegistry({ store: this.stores[1] }));
    this.other = this.clientFor('http://beside.test', beside);
  }

  async end(): Promise<void> {
    this.faults.close();
    await this.client?.close();
    await this.server?.close(0);
  }

  private get username(): string {
    return this.parts.personality === 'ecr' ? 'AWS' : 'test';
  }

  private clientFor(url: string, transport: Transport): RegistryClient {
    return new RegistryClient({
      url,
      transport,
      credentials: this.parts.auth === 'none' ? 'anonymous' : { username: this.username, password: SECRET },
      timeout: 3000,
      retry: { baseDelay: 2, maxDelay: 20, maxRetryAfter: 1500 },
    });
  }
}

function clientOf(store: MemoryStore): RegistryClient {
  const transport = new EmbeddedTransport(new EmbeddedRegistry({ store }));
  return new RegistryClient({ url: 'http://registry.test', transport, credentials: 'anonymous' });
}

async function pulledBytes<T extends { size: number }>(pull: (target: Writable) => Promise<T>) {
  const target = new PassThrough();
  const received = buffer(target);
  received.catch(() => undefined);
  try {
    const { size } = await pull(target);
    target.end();
    return { size, bytes: await received };
  } finally {
    target.destroy();
  }
}

async function withinBound(work: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${BOUND} ms`)), BOUND);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
