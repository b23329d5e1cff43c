import { InvalidArgumentError, type PushedImage, type PushInput, type PushOptions } from '../../index.js';
import { formatJson } from '../format.js';
import type { Io } from '../io.js';
import type { PushFlags } from '../flags.js';
import { type Report, withView } from '../progress/open-view.js';
import { ofPush } from '../progress/push-progress.js';
import { connect, targetOf } from '../target.js';

/** Prints one `host/repository:tag@digest` per tag on standard output. */
export async function push(tar: string, reference: string | undefined, flags: PushFlags, io: Io): Promise<void> {
  const pushed = await withView('push', flags, io, (report) =>
    reference === undefined ? pushOriginalTags(tar, flags, io, report) : pushAs(tar, reference, flags, io, report),
  );
  if (flags.json) io.stdout(formatJson(pushed));
  else for (const { reference: name, digest } of pushed) io.stdout(`${name}@${digest}\n`);
}

async function pushAs(
  tar: string,
  reference: string,
  flags: PushFlags,
  io: Io,
  report: Report,
): Promise<PushedImage[]> {
  if (flags.firstTag) throw new InvalidArgumentError('--first-tag keeps an original tag, but a name was given too');
  if (flags.allTags) throw new InvalidArgumentError('--all-tags keeps the original tags, but a name was given too');
  const { client, name } = targetOf(reference, flags, io);
  try {
    const options = { ...transferOptions(flags, io, report), ...imageOption(flags.image) };
    return [await client.push(inputOf(tar, io), name, options)];
  } finally {
    await client.close();
  }
}

async function pushOriginalTags(tar: string, flags: PushFlags, io: Io, report: Report): Promise<PushedImage[]> {
  if (flags.image !== undefined) throw new InvalidArgumentError('--image chooses what gets a name, but none was given');
  const client = connect(undefined, flags, io);
  try {
    const which = flags.firstTag ? 'first' : 'all';
    return await client.pushOriginalTags(inputOf(tar, io), { ...transferOptions(flags, io, report), which });
  } finally {
    await client.close();
  }
}

/** `-` is standard input. */
function inputOf(tar: string, io: Io): PushInput {
  if (tar !== '-') return tar;
  const { stdin } = io;
  if (!stdin.isTTY) return stdin;
  throw new InvalidArgumentError('standard input is a terminal, and no archive is piped in', {
    hint: 'Pipe one in: docker save NAME | registry-client push - REFERENCE.',
  });
}

/** A number counts the images of the archive; everything else is a tag. */
function imageOption(image: string | undefined): Pick<PushOptions, 'image'> {
  if (image === undefined) return {};
  return { image: /^\d+$/.test(image) ? Number(image) : image };
}

function transferOptions(flags: PushFlags, io: Io, report: Report): Omit<PushOptions, 'image'> {
  const { compression, compressor, platform, mountFrom, layersFrom } = flags;
  return {
    compression,
    compressor,
    signal: io.signal,
    ...(platform === undefined ? {} : { platform }),
    ...(mountFrom === undefined ? {} : { mountFrom }),
    ...(layersFrom === undefined ? {} : { layersFrom }),
    ...(report && { onProgress: (event) => report(ofPush(event)) }),
  };
}
