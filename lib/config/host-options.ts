import type { Credentials, CredentialsProvider } from '../transport/credentials.js';
import type { TlsOptions } from '../transport/tls-material.js';

/** What holds for one host, or for all hosts of a domain. Every field may be left out. */
export interface HostOptions {
  /** Who we are there. Default: user and password in the address, else what `docker login` stored. */
  credentials?: Credentials | CredentialsProvider | 'anonymous';
  /** Speak http where an address has no scheme. Default: only with loopback hosts. */
  plainHttp?: boolean;
  /** Accept any TLS certificate. Default `false`. */
  insecure?: boolean;
  /** Authorities to trust besides the well-known ones, and our own certificate. Default: what docker's `certs.d` has for the host. */
  tls?: TlsOptions;
  /**
   * `http://[user:password@]host:port`, or `false` for none. Loopback hosts are always reached directly.
   * Default: `HTTPS_PROXY` or `HTTP_PROXY`, except for the hosts in `NO_PROXY`.
   */
  proxy?: string | URL | false;
  /** Sent with every request to the host, and to no other. A request's own headers count more. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /**
   * Addresses that may have the same content, asked in this order before the registry itself, and only for what is pulled or read:
   * manifests and blobs. What has a digest is verified; a tag may be stale there. Default: none.
   */
  mirrors?: readonly (string | URL)[];
  /** How many blobs are transferred at once. Default 8, and of small ones up to 28 where the registry is far away. */
  concurrency?: number;
  /** No more requests start in a second, evenly spread; may be a fraction. Default: no limit. */
  requestsPerSecond?: number;
  /** Bytes that an upload sends at once, at most; up to 64 MiB. Default: a whole blob in one request, less after a 413. */
  chunkSize?: number;
}

/**
 * By `host[:port]`, as it stands in references, `*.domain[:port]`, or `*`; the port of the scheme may be written or not. The more
 * specific entry counts more, field by field.
 */
export type HostsOptions = Readonly<Record<string, HostOptions>>;
