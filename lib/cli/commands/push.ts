import { InvalidArgumentError, type PushedImage } from '../../index.js';
import type { Io } from '../io.js';
import type { PushFlags } from '../program.js';
import { PushProgress } from '../push-progress.js';
import { connect, targetOf } from '../target.js';

/** Prints one `host/repository:tag@digest` per tag on standard output. */
export async function push(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  const pushed =
    reference === undefined ? await pushOriginalTags(tar, flags, io) : await pushAs(tar, reference, flags, io);
  if (flags.json) io.stdout(`${JSON.stringify(pushed, undefined, 2)}\n`);
  else for (const { reference: name, digest } of pushed) io.stdout(`${name}@${digest}\n`);
}

async function pushAs(tar: string, reference: string, flags: PushFlags, io: Io): Promise<PushedImage[]> {
  if (flags.firstTag) throw new InvalidArgumentError('--first-tag keeps an original tag, but a name was given too');
  const { client, name } = targetOf(reference, flags, io);
  const image =
    flags.image === undefined ? {} : { image: /^\d+$/.test(flags.image) ? Number(flags.image) : flags.image };
  try {
    return [await client.push(tar, name, { ...transferOptions(flags, io), ...image })];
  } finally {
    await client.close();
  }
}

async function pushOriginalTags(tar: string, flags: PushFlags, io: Io): Promise<PushedImage[]> {
  if (flags.image !== undefined) throw new InvalidArgumentError('--image chooses what gets a name, but none was given');
  const client = connect(undefined, flags, io);
  try {
    return await client.pushOriginalTags(tar, {
      ...transferOptions(flags, io),
      which: flags.firstTag ? 'first' : 'all',
    });
  } finally {
    await client.close();
  }
}

function transferOptions({ compression, concurrency, platform, quiet }: PushFlags, io: Io): TransferFlags {
  const progress = quiet ? undefined : new PushProgress((line) => io.stderr(`${line}\n`));
  return {
    compression,
    concurrency,
    signal: io.signal,
    ...(platform === undefined ? {} : { platform }),
    ...(progress === undefined ? {} : { onProgress: (event) => progress.report(event) }),
  };
}

type TransferFlags = Pick<PushFlags, 'compression' | 'concurrency' | 'platform'> & {
  signal: AbortSignal;
  onProgress?: PushProgress['report'];
};
