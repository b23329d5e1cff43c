import { InvalidArgumentError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { parseRepositoryTag } from '../oci/reference.js';

/** A manifest that `index.json` lists, with every name it is listed under. */
export interface OciRoot {
  descriptor: Descriptor;
  tags: readonly string[];
}

/** The layout lists one manifest once per name; it is one image with several tags. */
export function rootsOf(listed: readonly Descriptor[]): OciRoot[] {
  const roots = new Map<string, OciRoot>();
  for (const descriptor of listed) {
    const known = roots.get(descriptor.digest) ?? { descriptor, tags: [] };
    const name = nameOf(descriptor);
    const tags = name === undefined ? known.tags : [...new Set([...known.tags, name])];
    roots.set(descriptor.digest, { ...known, tags });
  }
  return [...roots.values()];
}

/** containerd writes the full name; the spec's own annotation is often only a tag, which names no repository. */
function nameOf({ annotations = {} }: Descriptor): string | undefined {
  const candidates = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  return candidates.find((name) => name !== undefined && isFullName(name));
}

function isFullName(name: string): boolean {
  if (!/[/:]/.test(name)) return false;
  try {
    parseRepositoryTag(name);
    return true;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return false;
    throw error;
  }
}
