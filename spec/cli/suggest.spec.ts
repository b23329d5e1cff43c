import { describe, expect, it } from '@jest/globals';
import { likeliest } from '../../lib/cli/suggest.js';

describe('likeliest', () => {
  it.each([
    ['dokcer', 'docker'],
    ['OCI', 'oci'],
    ['dcker', 'docker'],
    ['dockerr', 'docker'],
    ['docket', 'docker'],
    ['gzpi', 'gzip'],
    ['odckre', 'docker'],
  ])('takes %s for %s', (typed, meant) => {
    expect(likeliest(typed, ['oci', 'docker', 'gzip'])).toBe(meant);
  });

  it.each(['zip-file', '', 'tarball', 'xy'])('takes %j for none', (typed) => {
    expect(likeliest(typed, ['oci', 'docker', 'no'])).not.toBe('docker');
    expect(likeliest('abcdef', ['oci', 'docker'])).toBeUndefined();
    expect(likeliest(typed, [])).toBeUndefined();
  });
});
