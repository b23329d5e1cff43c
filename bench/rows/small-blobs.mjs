// 40 small layers and a configuration over a link of 50 ms: cold, and once more to the same tag.
import { imageOfLayers } from '../big-image.mjs';
import { startLatencyProxy } from '../latency-proxy.mjs';

export const title = '41 small blobs, 50 ms round trip';
export const against = ['crane, cold', 'skopeo, cold', 'crane, again', 'skopeo, again'];
export const goals = [
  { who: 'ours, cold', times: 0.5, of: 'skopeo, cold' },
  { who: 'ours, again', times: 0.35, of: 'crane, again' },
];

export async function run(setting) {
  const tar = imageOfLayers(40, 16 * 1024);
  const far = await startLatencyProxy(setting.host, 50);
  try {
    const tools = [...Object.values(setting.peers), setting.ours()];
    return await setting.compare(tools.flatMap((tool) => coldAndAgain(setting, tool, tar, far.host)));
  } finally {
    far.stop();
  }
}

/** Each second push repeats the first one of its own, whichever of them a round starts with. */
function coldAndAgain(setting, tool, tar, host) {
  const first = async () => {
    const place = { reference: `${host}/${setting.repository()}:1`, home: await setting.home() };
    return { place, figures: await push(place) };
  };
  const push = async ({ reference, home }) => {
    const { seconds, cpu, rss } = await setting.push(tool, tar, reference, home);
    return { seconds, cpu, rss };
  };
  return [
    { who: `${tool.who}, cold`, run: async () => (await first()).figures },
    { who: `${tool.who}, again`, run: async () => push((await first()).place) },
  ];
}
