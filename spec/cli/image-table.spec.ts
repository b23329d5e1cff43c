import { describe, expect, it } from '@jest/globals';
import { formatFacts, imageFacts, labelled, platformOf, type TabledImage } from '../../lib/cli/image-table.js';

const image: TabledImage = {
  os: 'linux',
  architecture: 'arm64',
  variant: 'v8',
  created: '2024-01-01T00:00:00Z',
  size: 1500,
  user: 'app',
  entrypoint: ['/bin/app', 'serve'],
  cmd: ['--port', '80'],
  env: ['A=1', 'B=2'],
  labels: { one: '1' },
};
const silent: TabledImage = {
  ...{ os: undefined, architecture: undefined, variant: undefined, created: undefined, size: 0, user: undefined },
  ...{ entrypoint: [], cmd: [], env: [], labels: {} },
};

describe('imageFacts', () => {
  it('are what an image says, layers last', () => {
    const layers = [
      { name: 'a', size: 1, packing: 'gzip' },
      { name: 'b', size: 2_000_000, packing: 'plain' },
    ];
    expect(formatFacts(imageFacts(image, 'sha256:c', layers))).toBe(
      [
        'Platform    linux/arm64/v8',
        'Created     2024-01-01T00:00:00Z',
        'Size        1.5 kB',
        'Config      sha256:c',
        'User        app',
        'Entrypoint  /bin/app serve',
        'Command     --port 80',
        'Env         A=1',
        '            B=2',
        'Labels      one=1',
        'Layers             1 B  gzip  a',
        '                2.0 MB  plain  b',
        '',
      ].join('\n'),
    );
  });

  it('leave out what nothing is said of, but for what every image has', () => {
    expect(formatFacts(imageFacts(silent, 'sha256:c', []))).toBe(
      'Platform  none\nCreated   unknown\nSize      0 B\nConfig    sha256:c\n',
    );
  });

  it('obey no text from outside', () => {
    const hostile = { ...image, user: '\u001b[2J', labels: { '\u202ea\n': '\u009bb' } };
    const table = formatFacts(imageFacts(hostile, 'c', [{ name: '\u0007', size: 0, packing: '\u001b' }]));
    // eslint-disable-next-line no-control-regex -- these are what it is about
    expect(table).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(table).toContain('Labels      \\u202ea\\u000a=\\u009bb\n');
  });
});

describe('formatFacts', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

  it('cuts what is too long for a terminal, but not what is to be copied from it', () => {
    const facts = [
      ['Digest', digest],
      ['Config', digest],
      ['Entrypoint', 'run'],
    ] as const;
    expect(formatFacts(facts, 80).split('\n')).toEqual([
      `Digest ${digest}`,
      `Config      ${digest.slice(0, 67)}…`,
      'Entrypoint  run',
      '',
    ]);
    expect(formatFacts(facts)).toContain(`Config      ${digest}\n`);
  });
});

describe('labelled', () => {
  it('has the label at the first line only', () => {
    expect(labelled('Env', ['a', 'b'])).toEqual([
      ['Env', 'a'],
      ['', 'b'],
    ]);
  });

  it('is nothing of nothing', () => {
    expect(labelled('Env', [])).toEqual([]);
  });
});

describe('platformOf', () => {
  it.each([
    [{ os: 'linux', architecture: 'amd64', variant: undefined }, 'linux/amd64'],
    [{ os: 'linux', architecture: undefined, variant: undefined }, 'linux'],
    [{}, 'none'],
  ])('of %p is %p', (parts, text) => {
    expect(platformOf(parts)).toBe(text);
  });
});
