// What arrives through a pipe against the file itself.
export const title = 'From a pipe';
export const goals = ['igzip', 'builtin', 'none'].map((name) => ({
  who: `ours, ${name}, from a pipe`,
  times: 1.2,
  of: `ours, ${name}`,
}));

export async function run(setting) {
  const tar = setting.image();
  const tools = [...setting.gzips, setting.ours('none', ['--compression', 'none'])];
  return setting.compare(
    tools.flatMap((tool) => [
      { who: tool.who, run: () => setting.coldPush(tool, tar) },
      { who: `${tool.who}, from a pipe`, run: () => setting.coldPush(tool, '-', { stdin: tar }) },
    ]),
  );
}
