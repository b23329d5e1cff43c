import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { exchange } from './http-exchange.js';
import type { RegistryHandler } from './message.js';
import { EmbeddedRegistry, type EmbeddedRegistryOptions } from './registry.js';

/** Where a registry listens, and what answers. */
export interface RegistryServerOptions extends EmbeddedRegistryOptions {
  /** Default: 0, any free port. */
  port?: number;
  /** Address to listen on. Default: `127.0.0.1`, because the registry asks nobody who they are. */
  host?: string;
  /** What answers, for example a registry behind authentication. Default: a fresh `EmbeddedRegistry` of the other options. */
  handler?: RegistryHandler;
}

/** Bytes that may wait in one connection, each way. */
const BUFFER_SIZE = 1024 * 1024;

/** Milliseconds; node's own default. */
const HEADERS_TIMEOUT = 60_000;

/**
 * Milliseconds an idle connection stays open: longer than clients keep one, 90 s in Go's. Whoever sends a POST just when the
 * server closes gets no answer, and most clients do not dare to send it again.
 */
const KEEP_ALIVE_TIMEOUT = 120_000;

/** An embedded registry, or any other handler, behind `node:http`. */
export class RegistryServer {
  private isClosing = false;

  private constructor(
    /** What answers. */
    readonly handler: RegistryHandler,
    /** `http://host:port`, without a slash at the end. */
    readonly url: string,
    /** The IP address it listens on. */
    readonly address: string,
    /** The port it listens on, also where 0 was asked for. */
    readonly port: number,
    private readonly server: Server,
  ) {
    server.on('request', (incoming, outgoing) => {
      void exchange(handler, incoming, outgoing);
      // Either may be the later one: an answer can be out before its request is in.
      const endIdle = (): void => void (this.isClosing && server.closeIdleConnections());
      incoming.once('close', endIdle);
      outgoing.once('close', endIdle);
    });
  }

  /** Resolves when requests are taken. @throws the system's error when it cannot listen, for example EADDRINUSE. */
  static async start({
    port = 0,
    host = '127.0.0.1',
    handler,
    ...options
  }: RegistryServerOptions = {}): Promise<RegistryServer> {
    // No limit on the time a request takes: a large layer over a slow line is no attack. With none for requests, node would
    // take the limit off the headers, too.
    const timeouts = { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT, keepAliveTimeout: KEEP_ALIVE_TIMEOUT };
    const server = createServer({ ...timeouts, noDelay: true, highWaterMark: BUFFER_SIZE });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve);
    });
    const { address, port: taken } = server.address() as AddressInfo;
    const url = `http://${isIPv6(host) ? `[${host}]` : host}:${taken}`;
    return new RegistryServer(handler ?? new EmbeddedRegistry(options), url, address, taken, server);
  }

  /**
   * Takes no new requests, waits for those under way, and ends idle connections.
   * @param graceMs - milliseconds after which the remaining requests are cut off. Default: 5000
   */
  async close(graceMs = 5000): Promise<void> {
    this.isClosing = true;
    const cut = setTimeout(() => this.server.closeAllConnections(), graceMs);
    await new Promise((resolve) => this.server.close(resolve));
    clearTimeout(cut);
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
