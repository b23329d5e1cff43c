import { describe, expect, it } from '@jest/globals';
import * as testing from '../../lib/testing/index.js';

describe('the entry point "./testing"', () => {
  it('offers the embedded registry and nothing else', () => {
    expect(Object.keys(testing).sort()).toEqual([
      'BasicAuth',
      'EmbeddedRegistry',
      'EmbeddedTransport',
      'LayoutStore',
      'MemoryStore',
      'ReadOnly',
      'RegistryServer',
    ]);
  });
});
