import { STATUS_CODES } from 'node:http';

/** What to try, by the status that a proxy refuses with. */
const HINTS: Readonly<Record<number, string>> = {
  403: 'It does not let us go there: ask who runs it, or list the host in NO_PROXY if it can be reached directly.',
  407: 'It wants to know who we are: write http://user:password@host:port as its address.',
};

/** A proxy refused, or is not there. The address is shown without user and password. */
export class ProxyError extends Error {
  readonly code: string;
  readonly hint: string;

  private constructor(message: string, code: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }

  /** Nothing has been sent through it. */
  static refused(proxy: URL, target: string, status: number): ProxyError {
    const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
    const hint = HINTS[status] ?? (status >= 500 ? 'It may not reach the host itself, or not know its name.' : '');
    // What lies behind it may come back; what it does not allow stays so.
    const code = status >= 500 ? 'PROXY_FAILED' : 'PROXY_REFUSED';
    return new ProxyError(`the proxy ${proxy.host} answered ${answer} when asked for ${target}`, code, hint);
  }

  static unreachable(proxy: URL, cause: Error): ProxyError {
    const hint =
      'Is the proxy running, and its address right? It stands in HTTPS_PROXY, HTTP_PROXY or the option proxy.';
    const { code, message } = cause as NodeJS.ErrnoException;
    return new ProxyError(`the proxy ${proxy.host} cannot be used: ${message || code}`, 'PROXY_UNREACHABLE', hint);
  }
}
