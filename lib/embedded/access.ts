import { assertRepository, isRepository } from '../oci/reference.js';
import { routeOf, splitTarget } from './route.js';

/** What may be done with one resource. Source: distribution `docs/content/spec/auth/scope.md`. */
export interface Access {
  /** `repository` or `registry`. */
  type: string;
  name: string;
  actions: readonly string[];
}

const EVERY_ACTION = '*';

/** `type:name:action,action`; the name may hold a colon itself. Undefined when it is written in another way. */
export function parseScope(scope: string): Access | undefined {
  const [, type, name, actions] = /^([a-z0-9]+):(.+):([a-z0-9*,]+)$/.exec(scope) ?? [];
  if (type === undefined || name === undefined || actions === undefined) return undefined;
  return { type, name, actions: actions.split(',') };
}

export function formatScope({ type, name, actions }: Access): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/**
 * What a request needs: as distribution asks for it (its registry/handlers/app.go, `appendAccessRecords`), `delete` for every
 * DELETE, cancelled uploads among them, and `pull` on the repository a blob is mounted from.
 * @throws Refusal or InvalidArgumentError with code NAME_INVALID for a path without a valid repository
 */
export function accessNeeded(method: string, target: string): Access[] {
  const { path, query } = splitTarget(target);
  const route = routeOf(path);
  if (route === undefined || route.endpoint === 'base') return [];
  if (route.endpoint === 'catalog') return [{ type: 'registry', name: 'catalog', actions: [EVERY_ACTION] }];
  const from = route.endpoint === 'uploads' ? query.get('from') : null;
  const source = isRepository(from) ? [repositoryAccess(from, ['pull'])] : [];
  return [repositoryAccess(route.repository, actionsOf(method)), ...source];
}

/** Whether what was granted allows all that is needed. */
export function covers(granted: readonly Access[], needed: readonly Access[]): boolean {
  return needed.every(({ type, name, actions }) => {
    const allowed = granted.flatMap((access) => (access.type === type && access.name === name ? access.actions : []));
    return allowed.includes(EVERY_ACTION) || actions.every((action) => allowed.includes(action));
  });
}

function repositoryAccess(name: string, actions: readonly string[]): Access {
  return { type: 'repository', name: assertRepository(name), actions };
}

function actionsOf(method: string): string[] {
  if (method === 'GET' || method === 'HEAD') return ['pull'];
  return method === 'DELETE' ? ['delete'] : ['pull', 'push'];
}
