import { text } from 'node:stream/consumers';
import {
  type BasicCredentials,
  type CredentialsPlace,
  InvalidArgumentError,
  saveDockerCredentials,
} from '../../index.js';
import { printable } from '../../redact.js';
import type { LoginFlags } from '../flags.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import { ask } from '../prompt.js';
import { connect } from '../target.js';

/** Keeps credentials that the registry has let in; prints its host. */
export async function login(url: string | undefined, flags: LoginFlags, io: Io): Promise<void> {
  // What is wrong with the address is said before anybody types a password.
  const { registry } = connect(url, flags, io);
  const credentials = await credentialsFrom(flags, registry, io);
  const isChecked = await check(url, credentials, flags, io);
  const place = await saveDockerCredentials(registry, credentials, { env: io.env });
  const { username } = credentials;
  io.stdout(flags.json ? formatJson({ registry, username, ...place }) : `${registry}\n`);
  if (!flags.quiet) io.stderr(report(registry, username, place, io, isChecked));
}

/** @returns whether the registry or its token server asked for the credentials at all */
async function check(url: string | undefined, given: BasicCredentials, flags: LoginFlags, io: Io): Promise<boolean> {
  let isAsked = false;
  const credentials = (): Promise<BasicCredentials> => {
    isAsked = true;
    return Promise.resolve(given);
  };
  const client = connect(url, flags, io, { credentials });
  try {
    await client.checkConnectivity({ signal: io.signal });
    return isAsked;
  } finally {
    await client.close();
  }
}

function report(
  registry: string,
  username: string,
  { helper, file }: CredentialsPlace,
  io: Io,
  isChecked: boolean,
): string {
  const lines = [
    `logged in to ${registry} as ${printable(username)}, kept ${helper ? `by ${helper}` : `in ${printable(file)}`}`,
  ];
  if (!helper)
    lines.push(`warning: the password stands there as plain as base64 is; a helper named by credsStore hides it`);
  if (io.env.DOCKER_AUTH_CONFIG)
    lines.push('warning: DOCKER_AUTH_CONFIG is set, and is asked before what is kept there');
  if (!isChecked) lines.push(`warning: ${registry} asks nobody for a password, so this one is not checked`);
  return lines.map((line) => `${line}\n`).join('');
}

async function credentialsFrom(flags: LoginFlags, registry: string, io: Io): Promise<BasicCredentials> {
  const { username, password, passwordStdin, quiet } = flags;
  if (passwordStdin && password !== undefined) {
    throw new InvalidArgumentError('--password and --password-stdin both give a password', { hint: 'Give only one.' });
  }
  if (passwordStdin) return { username: username ?? needed('--username'), password: await piped(io) };
  // A variable that is not set, most likely.
  if (password === '') throw new InvalidArgumentError('--password is empty');
  if (password !== undefined && !quiet) {
    io.stderr('warning: others see --password in the list of processes and in the history; use --password-stdin\n');
  }
  const name = username ?? (await typed(`Username for ${registry}: `, '--username', io));
  return { username: name, password: password ?? (await typed('Password: ', '--password-stdin', io, true)) };
}

function needed(flag: string): never {
  throw new InvalidArgumentError(`${flag} is missing, and there is no terminal to ask for it`, {
    hint: 'Write: registry-client login --username USER --password-stdin < FILE.',
  });
}

async function typed(question: string, flag: string, io: Io, hidden = false): Promise<string> {
  if (!io.stdin.isTTY) return needed(flag);
  const answer = await ask(question, io, { hidden });
  if (answer !== '') return answer;
  throw new InvalidArgumentError(`${hidden ? 'a password' : 'a username'} is needed`);
}

/** Without the end of line that echo and editors add. */
async function piped({ stdin }: Io): Promise<string> {
  const password = (await text(stdin)).replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new InvalidArgumentError('standard input held no password');
}
