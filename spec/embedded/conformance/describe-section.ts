import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import { RegistryServer } from '../../../lib/embedded/http-server.js';
import { LayoutStore } from '../../../lib/embedded/layout-store.js';
import { MemoryStore } from '../../../lib/embedded/memory-store.js';
import type { Store } from '../../../lib/embedded/store.js';
import { type Answer, Caller } from '../../contract/caller.js';
import { HttpTransport } from '../../contract/http-transport.js';
import { TemporaryFolders } from '../../support/temporary-folder.js';
import { uniqueRepository } from '../../support/unique.js';

/** What the specs of a section ask: a registry over http, and two repositories in it that nobody has used. */
export interface Section {
  caller: Caller;
  repository: string;
  other: string;
  /** A request below `/v2/<repository>/`. */
  ask(method: string, path: string, options?: Parameters<Caller['call']>[2]): Promise<Answer>;
}

/**
 * Specs of one section of the distribution spec v1.1, run for every store. They say what the spec says: MUST and SHOULD alike,
 * because a registry for tests has no excuse.
 */
export function describeSection(title: string, specs: (section: Section) => void): void {
  describe.each([
    ['in memory', () => Promise.resolve(new MemoryStore())],
    ['over a folder', async (folder: string) => LayoutStore.open(folder)],
  ] as [string, (folder: string) => Promise<Store>][])(`distribution-spec, ${title}: a registry %s`, (_, open) => {
    const folders = new TemporaryFolders();
    const transport = new HttpTransport();
    const section = {} as Section;
    let store: Store;
    let server: RegistryServer;

    beforeAll(async () => {
      store = await open(await folders.make());
      server = await RegistryServer.start({ store });
      section.caller = new Caller(transport, new URL(server.url));
      section.ask = (method, path, options) =>
        section.caller.call(method, `/v2/${section.repository}/${path}`, options);
    });

    afterAll(async () => {
      await transport.close();
      await server.close();
      if (store instanceof LayoutStore) await store.close();
      await folders.remove();
    });

    beforeEach(() => {
      section.repository = uniqueRepository('one');
      section.other = uniqueRepository('two');
    });

    specs(section);
  });
}
