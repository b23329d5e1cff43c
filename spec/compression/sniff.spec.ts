import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { SNIFF_LENGTH, sniffPacking } from '../../lib/compression/sniff.js';
import { bzip2Layer, xzLayer } from '../archive/packings.js';
import { buildTar } from '../support/tar-builder.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('sniffPacking', () => {
  it.each([
    ['gzip', gzipSync('layer')],
    ['gzip', hex('1f 8b')],
    ['zstd', hex('28 b5 2f fd 04 58')],
    ['zstd', hex('50 2a 4d 18 04 00 00 00')],
    ['zstd', hex('5f 2a 4d 18')],
    ['bzip2', bzip2Layer],
    ['bzip2', hex('42 5a 68 39 17 72 45 38 50 90')],
    ['xz', xzLayer],
  ])('finds %s', (packing, start) => {
    expect(sniffPacking(start.subarray(0, SNIFF_LENGTH))).toBe(packing);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a tar', buildTar([{ name: 'etc/motd', content: 'x' }])],
    ['a tar of nothing', Buffer.alloc(1024)],
    ['a tar whose first name begins like bzip2', buildTar([{ name: 'BZh9 notes' }])],
    ['JSON', Buffer.from('{"a":1}')],
    ['half of a magic number', hex('28 b5 2f')],
    ['one that only ends like a skippable frame', hex('60 2a 4d 18')],
    ['a zip', Buffer.from('PK\u0003\u0004')],
  ])('finds no packing in %s', (_, start) => {
    expect(sniffPacking(start)).toBe('none');
  });

  it('needs no more bytes than it says', () => {
    for (const start of [gzipSync(''), bzip2Layer, xzLayer]) {
      expect(sniffPacking(start.subarray(0, SNIFF_LENGTH))).not.toBe('none');
    }
  });
});
