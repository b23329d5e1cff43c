import { collect, type Descriptor } from '../../index.js';
import { printable } from '../../redact.js';
import type { ReferrersFlags } from '../flags.js';
import { formatBytes, formatColumns, formatJson, type GivingWay, roomOf } from '../format.js';
import type { Io } from '../io.js';
import { fullName, targetOf } from '../target.js';

/** Source: image-spec v1.1 annotations.md, "Pre-Defined Annotation Keys". */
const CREATED = 'org.opencontainers.image.created';

/** Prints what refers to an image, one line each. */
export async function referrers(name: string, flags: ReferrersFlags, io: Io): Promise<void> {
  const { client, repository, tag, digest, reference } = targetOf(name, flags, io, { digests: true });
  const { artifactType } = flags;
  try {
    const options = { signal: io.signal, ...(artifactType === undefined ? {} : { artifactType }) };
    const found = await collect(client.listReferrers(repository, reference, options));
    io.stdout(flags.json ? formatJson(found) : lines(found, flags, roomOf(io.stdoutStream)));
    if (found.length === 0 && !flags.quiet)
      io.stderr(`nothing refers to ${fullName(client, { repository, tag, digest })}\n`);
  } finally {
    await client.close();
  }
}

/** The time of the day first, then much of the type; of a digest so much that it can be told from others. */
const GIVING_WAY: GivingWay = [
  [3, 11],
  [1, 16],
  [0, 20],
];

function lines(found: readonly Descriptor[], { quiet }: ReferrersFlags, room: number): string {
  if (quiet) return found.map(({ digest }) => `${digest}\n`).join('');
  if (found.length === 0) return '';
  return formatColumns([['DIGEST', 'ARTIFACT TYPE', 'SIZE', 'CREATED'], ...found.map(row)], room, GIVING_WAY);
}

function row({ digest, mediaType, size, ...referrer }: Descriptor): string[] {
  const { artifactType = mediaType, annotations = {} } = referrer;
  return [digest, printable(artifactType), formatBytes(size), printable(annotations[CREATED] ?? '')];
}
