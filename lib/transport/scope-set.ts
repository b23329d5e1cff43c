/**
 * What a token is for: actions by resource, in the order they were first named, because some registries look at the first
 * scope only. Source: distribution `docs/content/spec/auth/scope.md`.
 */
export class ScopeSet {
  readonly #actions = new Map<string, Set<string>>();

  /** @param scopes - such as `repository:team/app:pull,push`; equal resources are merged */
  constructor(scopes: Iterable<string> = []) {
    for (const scope of scopes) this.#add(scope);
  }

  /** The scopes as texts, one for each resource. */
  get list(): string[] {
    return [...this.#actions].map(([resource, actions]) => `${resource}${[...actions].join(',')}`);
  }

  /** The same for equal sets, whatever their order. */
  get key(): string {
    return JSON.stringify([...this.#actions].map(([resource, actions]) => [resource, ...[...actions].sort()]).sort());
  }

  covers(wanted: ScopeSet): boolean {
    return [...wanted.#actions].every(([resource, actions]) => {
      const held = this.#actions.get(resource);
      return held !== undefined && [...actions].every((action) => held.has(action));
    });
  }

  // The resource name may hold a colon (host:port), so only the last one parts the actions off.
  #add(scope: string): void {
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, colon + 1);
    const actions = this.#actions.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) if (action !== '') actions.add(action);
    this.#actions.set(resource, actions);
  }
}
