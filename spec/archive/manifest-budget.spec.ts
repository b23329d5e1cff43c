import { describe, expect, it } from '@jest/globals';
import { ManifestBudget } from '../../lib/archive/manifest-budget.js';

describe('ManifestBudget', () => {
  it('lasts for as many manifests as it is made for, over all indexes', () => {
    const budget = new ManifestBudget(10);
    budget.spend(4, 'a');
    budget.spend(6, 'b');
    budget.spend(0, 'c');
    expect(() => budget.spend(1, 'blobs/sha256/d')).toThrow('blobs/sha256/d lists too many manifests');
  });

  it('is ten thousand by default', () => {
    expect(() => new ManifestBudget().spend(10_000, 'index.json')).not.toThrow();
    expect(() => new ManifestBudget().spend(10_001, 'index.json')).toThrow('index.json lists too many manifests');
  });
});
