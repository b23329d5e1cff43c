import { HttpTransport } from '../contract/http-transport.js';
import { describeRegistry } from '../contract/describe-registry.js';
import { integrationRegistry } from '../support/integration-registry.js';

/** The suite that the embedded registry passes, too: what the specs of everything else rely on is true of both. */
describeRegistry(
  'distribution 2.8',
  () => {
    const transport = new HttpTransport();
    return Promise.resolve({ url: new URL(integrationRegistry().url), transport, stop: () => transport.close() });
  },
  'distribution 2.8',
);
