const REDACTED = 'REDACTED';

/** Options with a secret behind them; `-qp` is `-q -p`. */
const SECRET = /^(?:--auth|--password|-q*p)$/;

/**
 * What a process list is to show in place of the arguments; undefined where those may be seen by everybody on the machine.
 * @param args - without the program's own name
 */
export function processTitle(args: readonly string[]): string | undefined {
  const shown = args.map((arg, i) => (SECRET.test(args[i - 1] ?? '') ? REDACTED : withoutSecrets(arg)));
  return shown.some((arg, i) => arg !== args[i]) ? ['registry-client', ...shown].join(' ') : undefined;
}

/** Of an address without a scheme: `user:password@host`, also behind `--registry=`. */
const BARE = /^(--[\w-]+=)?[^:/@]+:.*@(?!sha\d+:)/s;

/** `--auth=user:password`, `-ppassword`, and what stands before the `@` of an address. A digest has an `@` too, but no user before it. */
function withoutSecrets(arg: string): string {
  const shown = arg
    .replace(/^(--auth=|--password=|-q*p(?=.)).*$/s, `$1${REDACTED}`)
    .replace(/(:\/\/).*@(?!sha\d+:)/s, `$1${REDACTED}@`);
  return shown === arg ? arg.replace(BARE, `$1${REDACTED}@`) : shown;
}
