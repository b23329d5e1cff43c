// 40 small layers and a configuration over a link of 50 ms: cold, and again under another tag.
import { imageOfLayers } from '../big-image.mjs';
import { summarize } from '../figures.mjs';
import { startLatencyProxy } from '../latency-proxy.mjs';

export const title = '41 small blobs, 50 ms round trip';
export const against = ['skopeo, cold', 'crane, again'];
export const goals = [
  { who: 'ours, cold', times: 0.5, of: 'skopeo, cold' },
  { who: 'ours, again', times: 0.35, of: 'crane, again' },
];

export async function run(setting) {
  const tar = imageOfLayers(40, 16 * 1024);
  const far = await startLatencyProxy(setting.host, 50);
  try {
    const tools = [...Object.values(setting.peers), setting.ours()];
    const contenders = tools.map((tool) => coldThenAgain(setting, tool, tar, far.host));
    const cold = await setting.compare(contenders);
    return cold.flatMap((line, i) => [line, { who: `${tools[i].who}, again`, ...summarize(contenders[i].again) }]);
  } finally {
    far.stop();
  }
}

/** The second push of a pair may know what the first one has learnt. */
function coldThenAgain(setting, tool, tar, host) {
  const again = [];
  const run = async () => {
    const [repository, home] = [setting.repository(), await setting.home()];
    const push = async (tag) => {
      const { seconds, cpu, rss } = await setting.push(tool, tar, `${host}/${repository}:${tag}`, home);
      return { seconds, cpu, rss };
    };
    const cold = await push('first');
    again.push(await push('again'));
    return cold;
  };
  return { who: `${tool.who}, cold`, run, again };
}
