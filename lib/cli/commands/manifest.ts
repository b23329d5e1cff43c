import type { RawManifest } from '../../index.js';
import { printable } from '../../redact.js';
import type { PlatformFlags } from '../flags.js';
import { formatBytes, formatJson } from '../format.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Prints the exact bytes of a manifest or an index, or its descriptor and its fields as JSON. */
export async function manifest(reference: string, flags: PlatformFlags, io: Io): Promise<void> {
  const { platform, json, quiet } = flags;
  const { client, repository, tag, ...target } = targetOf(reference, flags, io, { digests: true });
  try {
    const options = { signal: io.signal, ...(platform === undefined ? {} : { platform }) };
    const raw = await client.getManifest(repository, target.reference, options);
    const { descriptor } = raw;
    const { digest, mediaType, size } = descriptor;
    // A tag of an index is none of the image of one platform.
    const name = fullName(client, { repository, digest, ...(platform === undefined ? { tag } : {}) });
    if (!quiet) io.stderr(`${name} (${printable(mediaType)}, ${formatBytes(size)})\n`);
    io.stdout(json ? formatJson({ descriptor, manifest: raw.manifest }) : content(raw, io));
  } finally {
    await client.close();
  }
}

/** A terminal gets the same JSON, but no character of it that could steer the terminal. */
function content({ bytes }: RawManifest, { stdoutStream }: Io): Uint8Array | string {
  if (!stdoutStream.isTTY) return bytes;
  const lines = bytes.toString('utf8').split(/\r?\n/);
  return `${lines.map((line) => printable(line.replaceAll('\t', '  '), Infinity)).join('\n')}\n`;
}
