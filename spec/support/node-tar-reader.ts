import { Parser, type ReadEntry } from 'tar';

export interface ReadTarEntry {
  path: string;
  type: string;
  size: number;
  linkpath?: string;
  content: Buffer;
}

/** What another reader than ours finds in a tar; rejects on anything node-tar warns about. */
export async function readWithNodeTar(tar: Buffer): Promise<ReadTarEntry[]> {
  const found: Promise<ReadTarEntry>[] = [];
  const parser = new Parser({ strict: true, onReadEntry: (entry) => found.push(readEntry(entry)) });
  await new Promise<void>((resolve, reject) => {
    parser.on('end', () => resolve());
    parser.on('error', reject);
    parser.end(tar);
  });
  return Promise.all(found);
}

async function readEntry(entry: ReadEntry): Promise<ReadTarEntry> {
  const content = await entry.concat();
  const { path, type, size, linkpath } = entry;
  return { path, type, size, content, ...(linkpath ? { linkpath } : {}) };
}
