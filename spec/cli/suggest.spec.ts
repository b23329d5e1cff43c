import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../lib/cli/suggest.js';

describe('nearest', () => {
  it.each([
    ['dokcer', 'docker'],
    ['OCI', 'oci'],
    ['dcker', 'docker'],
    ['dockerr', 'docker'],
    ['docket', 'docker'],
    ['gzpi', 'gzip'],
  ])('takes %s for %s', (typed, meant) => {
    expect(nearest(typed, ['oci', 'docker', 'gzip'])).toBe(meant);
  });

  it.each(['zip-file', '', 'tarball', 'xy'])('takes %j for none', (typed) => {
    expect(nearest(typed, ['oci', 'docker', 'no'])).not.toBe('docker');
    expect(nearest('abcdef', ['oci', 'docker'])).toBeUndefined();
    expect(nearest(typed, [])).toBeUndefined();
  });
});
