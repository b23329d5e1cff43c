import { describe, expect, it } from '@jest/globals';
import { readsOf } from '../../bench/tar-reads.mjs';

describe('readsOf', () => {
  it('adds up what was read of the file, by whichever call, and nothing else', () => {
    const trace = [
      'pread64(17</tmp/app.tar>, ""..., 512, 0) = 512',
      'read(17</tmp/app.tar>, ""..., 1048576) = 1000',
      'preadv(18</tmp/app.tar>, [{iov_base=""..., iov_len=512}], 1, 512) = 24',
      'read(17</tmp/app.tar>, 0x7f, 512) = -1 EAGAIN (Resource temporarily unavailable)',
      'read(19</tmp/app.tar.gz>, ""..., 512) = 512',
      'read(20<socket:[4711]>, ""..., 512) = 512',
      '+++ exited with 0 +++',
    ].join('\n');
    expect(readsOf('/tmp/app.tar', trace)).toBe(1536);
  });
});
