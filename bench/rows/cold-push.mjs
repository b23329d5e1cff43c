// An image that the registry has nothing of.
export const title = 'Cold push, gzip';
export const against = ['crane', 'skopeo'];
export const goals = [
  { who: 'ours, igzip', times: 0.55, of: 'skopeo' },
  { who: 'ours, igzip', times: 0.25, of: 'crane' },
  { who: 'ours, builtin', times: 0.85, of: 'skopeo' },
  { who: 'ours, builtin', times: 0.35, of: 'crane' },
  { who: 'ours, igzip', figure: 'sent', times: 1.1, of: 'skopeo' },
  { who: 'ours, builtin', figure: 'sent', times: 1.1, of: 'skopeo' },
];

export async function run(setting) {
  const tar = setting.image();
  return setting.compare(setting.pushers.map((tool) => ({ who: tool.who, run: () => setting.coldPush(tool, tar) })));
}
