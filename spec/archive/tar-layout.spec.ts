import { describe, expect, it } from '@jest/globals';
import { BufferSource } from '../../lib/archive/buffer-source.js';
import { TarHeaderReader } from '../../lib/archive/tar-header-reader.js';
import { type LayoutFile, TarLayout } from '../../lib/archive/tar-layout.js';

/** The tar with every content in its place. */
function written(files: readonly LayoutFile[]): Buffer {
  const layout = new TarLayout(files);
  const tar = Buffer.alloc(layout.size);
  for (const { header, position, bytes } of layout.files) {
    header.copy(tar, position - header.length);
    bytes?.copy(tar, position);
  }
  return tar;
}

describe('TarLayout', () => {
  it('places files so that a reader finds them', async () => {
    const long = `blobs/sha512/${'0'.repeat(128)}`;
    const contents = {
      a: Buffer.from('first'),
      'b/c': Buffer.alloc(512, 'x'),
      empty: Buffer.alloc(0),
      [long]: Buffer.alloc(513, 'y'),
    };
    const files = Object.entries(contents).map(([name, bytes]) => ({ name, size: bytes.length, bytes }));
    const tar = written(files);
    const found: Record<string, Buffer> = {};
    for await (const { name, position, size } of new TarHeaderReader(new BufferSource(tar)).entries()) {
      found[name] = tar.subarray(position, position + size);
    }
    expect(found).toEqual(contents);
    expect(tar.length % 512).toBe(0);
  });

  it('writes sizes beyond what the old field holds', () => {
    const size = 9 * 2 ** 30;
    const { files, size: whole } = new TarLayout([{ name: 'huge', size }]);
    expect(whole).toBe(files[0]!.header.length + size + 1024);
  });

  it('gives the same bytes for the same files', () => {
    const files = [
      { name: 'a/', size: 0 },
      { name: 'a/b', size: 3, bytes: Buffer.from('abc') },
    ];
    expect(written(files)).toEqual(written(files));
  });
});
