// A TCP proxy that makes a loopback server as far away as a given round trip: every byte waits half of it each
// way. Only bytes wait: a connection is made at once, and the rate is not limited.
import { once } from 'node:events';
import { createServer, connect } from 'node:net';

/** @param roundTrip - milliseconds */
export async function startLatencyProxy(host, roundTrip) {
  const [hostname, port] = host.split(':');
  const sockets = new Set();
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    forward(client, upstream, roundTrip / 2);
    forward(upstream, client, roundTrip / 2);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${server.address().port}`,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Timers of equal length fire in the order they were set, so the bytes keep theirs. */
function forward(from, to, delay) {
  from.on('data', (chunk) => setTimeout(() => to.destroyed || to.write(chunk), delay));
  from.on('end', () => setTimeout(() => to.destroyed || to.end(), delay));
}
