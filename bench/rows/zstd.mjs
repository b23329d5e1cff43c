// zstd, where this Node (or that of --node) has it, against skopeo's gzip.
import { measure } from '../measure.mjs';

export const title = 'Cold push, zstd';
export const against = ['skopeo'];
export const goals = [
  { who: 'ours, zstd', times: 0.5, of: 'skopeo' },
  { who: 'ours, zstd', figure: 'sent', times: 1, of: 'skopeo' },
];

export async function run(setting) {
  const { node } = setting.options;
  const { stdout } = await measure([node, '-p', 'process.version + " " + typeof zlib.createZstdCompress']);
  const [version, type] = stdout.trim().split(' ');
  if (type !== 'function') return `not measured: Node ${version} has no zstd, 22.15 and later have; see --node`;
  const tar = setting.image();
  const tools = [setting.peers.skopeo, setting.ours('zstd', ['--compression', 'zstd'])].filter(Boolean);
  return setting.compare(tools.map((tool) => ({ who: tool.who, run: () => setting.coldPush(tool, tar) })));
}
