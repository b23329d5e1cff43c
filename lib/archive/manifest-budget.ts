import { invalid } from './problems.js';

/** How many images one list of an archive may have: few bytes can list the same ones over and over. */
export class ManifestBudget {
  constructor(private left = 10_000) {}

  /** @throws ValidationError naming the index when it lists more than what is left. */
  spend(count: number, entry: string): void {
    this.left -= count;
    if (this.left < 0) throw invalid(entry, 'lists too many manifests');
  }
}
