import { afterAll } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { LayoutStore } from '../../lib/embedded/layout-store.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { describeRegistry } from '../contract/describe-registry.js';
import { describeStore } from '../contract/describe-store.js';
import { TemporaryFolders } from '../support/temporary-folder.js';

const folders = new TemporaryFolders();
afterAll(() => folders.remove());

describeStore(
  'LayoutStore',
  async () => LayoutStore.open(await folders.make()),
  (store) => (store as LayoutStore).close(),
);

describeRegistry('EmbeddedRegistry over a folder', async () => {
  const store = await LayoutStore.open(await folders.make());
  const transport = new EmbeddedTransport(new EmbeddedRegistry({ store }));
  return { url: new URL('http://registry.test'), transport, stop: () => store.close() };
});
