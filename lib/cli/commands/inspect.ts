import { type ImageInspection, TarArchive } from '../../index.js';
import { printable } from '../../redact.js';
import { formatBytes, formatColumns, formatJson, shortEntry } from '../format.js';
import type { Io } from '../io.js';

/** Prints what an archive holds. */
export async function inspect(tar: string, { json }: { json?: boolean }, io: Io): Promise<void> {
  const archive = await TarArchive.open(tar);
  try {
    const images = await archive.inspect();
    io.stdout(json ? formatJson(images) : images.map(describeImage).join('\n'));
  } finally {
    await archive.close();
  }
}

function describeImage(image: ImageInspection): string {
  const { config } = image;
  const platform = [image.os, image.architecture, image.variant].filter(Boolean).join('/') || 'none';
  const facts = [
    ['Tags', image.tags.join(', ') || 'none'],
    ['Platform', platform],
    ['Created', image.created ?? 'unknown'],
    ['Size', formatBytes(image.size)],
    ['Config', config.digest],
    ['User', config.user ?? ''],
    ['Entrypoint', config.entrypoint.join(' ')],
    ['Command', config.cmd.join(' ')],
    ...Object.entries(config.labels).map(([name, value]) => ['Label', `${name}=${String(value)}`]),
  ].filter(([, value]) => value !== '');
  const layers = image.layers.map(({ entry, size, packing }, i) => [
    i === 0 ? 'Layers' : '',
    `${formatBytes(size).padStart(10)}  ${packing === 'none' ? 'plain' : packing}  ${shortEntry(entry)}`,
  ]);
  return formatColumns([...facts, ...layers].map((row) => row.map((cell) => printable(cell))));
}
