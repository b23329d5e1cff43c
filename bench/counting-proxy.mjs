// An HTTP proxy in front of a registry that counts requests and the bytes of their bodies. The registry sees the proxy's name in
// the Host header, so that its locations lead through the proxy again.
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { pipeline } from 'node:stream';

export async function startCountingProxy(host) {
  const [hostname, port] = host.split(':');
  const agent = new Agent({ keepAlive: true });
  let seen = { requests: [], sent: 0 };
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const current = seen;
    current.requests.push(`${method} ${path}`);
    incoming.on('data', (chunk) => (current.sent += chunk.length));
    const outgoing = request({ host: hostname, port, method, path, headers, agent });
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode, response.headers);
      pipeline(response, answer, () => undefined);
    });
    pipeline(incoming, outgoing, (error) => error && answer.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${server.address().port}`,
    /** What came since the last call: `{ requests: ['GET /v2/', …], sent: bytes }`. */
    take() {
      const taken = seen;
      seen = { requests: [], sent: 0 };
      return taken;
    },
    stop() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}
