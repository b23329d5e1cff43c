import { createContainer, TOKENS } from '../../lib/container.js';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { RegistryServer } from '../../lib/embedded/http-server.js';
import { AuthTransport } from '../../lib/transport/auth-transport.js';
import type { Transport } from '../../lib/transport/transport.js';
import { describeTransport } from './describe-transport.js';

// Those that have a spec of their own beside them run the contract there.

const url = new URL('http://registry.test');
const stop = (): void => undefined;

describeTransport('EmbeddedTransport', () => ({ url, transport: new EmbeddedTransport(), stop }));

describeTransport('AuthTransport', () => {
  const credentials = () => Promise.resolve({ username: 'user', password: 'password' });
  return { url, transport: new AuthTransport(new EmbeddedTransport(), { registry: url, credentials }), stop };
});

describeTransport('what the container makes', async () => {
  const server = await RegistryServer.start();
  const container = createContainer({ url: server.url, credentials: 'anonymous' });
  const transport: Transport = container.get(TOKENS.Transport);
  return { url: new URL(server.url), transport, stop: () => server.close(0) };
});
