import { existsSync } from 'node:fs';
import { InvalidArgumentError } from '../index.js';
import { printable } from '../redact.js';

/** Without a slash, or with a path in front: a repository may be called `team/app.tar`, but hardly `app.tar`. */
const LIKE_AN_ARCHIVE = /^(?:\.{0,2}\/.*|[^/]*)\.(?:tar|tgz|tar\.(?:gz|zst))$/i;

/** With a tag, or a part that reads as a host. */
const LIKE_A_NAME = /^(?!\.{0,2}\/)(?:[^/:]+[.:][^/]*\/\S+|[^:]+:[\w.-]+)$/;

/** @throws InvalidArgumentError when the name to push under is a file, most likely because the arguments were swapped */
export function checkPushOrder(tar: string, reference: string | undefined): void {
  if (reference !== undefined && LIKE_AN_ARCHIVE.test(reference)) throw swapped('push', reference, tar);
  const isName = reference === undefined && LIKE_A_NAME.test(tar) && !LIKE_AN_ARCHIVE.test(tar);
  if (!isName || existsSync(tar)) return;
  throw new InvalidArgumentError(`there is no file ${printable(tar)}, which reads as a name to push under`, {
    hint: `The archive comes first: registry-client push app.tar ${printable(tar)}.`,
  });
}

/** @throws InvalidArgumentError when the image to pull is a file, most likely because the arguments were swapped */
export function checkPullOrder(reference: string, file: string): void {
  if (LIKE_AN_ARCHIVE.test(reference)) throw swapped('pull', reference, file);
}

function swapped(command: 'push' | 'pull', archive: string, other: string): InvalidArgumentError {
  const order = command === 'push' ? [archive, other] : [other, archive];
  const isName = LIKE_A_NAME.test(other);
  const hint = isName
    ? `Did you mean: registry-client ${command} ${order.map((text) => printable(text)).join(' ')}?`
    : 'Write it with its host, localhost:5000/app.tar, if that is its name.';
  return new InvalidArgumentError(`${printable(archive)} is an archive, where the name of an image is wanted`, {
    hint,
  });
}
