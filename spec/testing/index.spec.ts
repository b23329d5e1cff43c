import { describe, expect, it } from '@jest/globals';
import * as testing from '../../lib/testing/index.js';

describe('the entry point "./testing"', () => {
  it('offers the embedded registry, what wraps it, and the test kit', () => {
    expect(Object.keys(testing).sort()).toEqual([
      'BasicAuth',
      'BearerAuth',
      'EmbeddedRegistry',
      'EmbeddedTransport',
      'Faults',
      'LayoutStore',
      'MemoryStore',
      'Personality',
      'ReadOnly',
      'RegistryServer',
      'ScriptedTransport',
      'imageTar',
      'isolatedRepository',
      'startTestRegistry',
    ]);
  });
});
