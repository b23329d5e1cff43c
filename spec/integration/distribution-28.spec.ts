import { AxiosTransport } from '../../lib/transport/axios-transport.js';
import { describeDistribution28 } from '../contract/describe-distribution-28.js';
import { integrationRegistry } from '../support/integration-registry.js';

describeDistribution28('the real registry', () => {
  const transport = new AxiosTransport();
  return Promise.resolve({ url: new URL(integrationRegistry().url), transport, stop: () => transport.close() });
});
