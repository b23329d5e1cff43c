// A TCP proxy that makes a loopback server as far away as a given round trip: every byte waits half of it each way, and the
// first one the round trip that the connection would have taken to be made. The rate is not limited.
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
    const made = performance.now() + roundTrip;
    forward(client, upstream, () => Math.max(made - performance.now(), 0) + roundTrip / 2);
    forward(upstream, client, () => roundTrip / 2);
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

/** Each waits for the one before, so the bytes keep their order whatever the timers do. */
function forward(from, to, delay) {
  let last = Promise.resolve();
  const later = (work) => {
    const arrived = new Promise((resolve) => setTimeout(resolve, delay()));
    last = Promise.all([last, arrived]).then(() => to.destroyed || work());
  };
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
}
