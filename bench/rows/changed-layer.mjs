// One layer of seven is new, by a machine that remembers nothing. Each push goes to a repository that has only the old image.
import { compareKnown, toolsOf } from './known-layers.mjs';
import { measure } from '../measure.mjs';

export const title = 'One changed layer of seven, empty cache';
export const against = ['crane', 'skopeo', 'skopeo, with its cache'];

const CHANGED = 3;

/** Of the layers' bytes; the twelve per cent that changed, and what headers and chance add. */
const SHARE = 0.13;

export function goals({ options: { bytes } }) {
  return ['ours, igzip', 'ours, builtin'].flatMap((who) =>
    ['read', 'sent'].map((figure) => ({ who, figure, most: SHARE * bytes })),
  );
}

export async function run(setting) {
  const [first, changed] = [setting.image(), setting.image(CHANGED)];
  const { copy } = setting.ours();
  return compareKnown(setting, toolsOf(setting), first, async (repository) => {
    const target = setting.repository();
    await measure(copy(`${setting.host}/${repository}:1`, `${setting.host}/${target}:1`));
    return { tar: changed, target };
  });
}
