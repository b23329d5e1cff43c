import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createReadStream, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryClient } from '../../lib/index.js';
import { RegistryServer } from '../../lib/testing/index.js';
import { cli } from '../cli/fake-io.js';
import { commandLinesIn } from '../support/command-lines.js';
import { type RegistryProcess, startRegistry } from '../support/registry-process.js';

const PAGE = 'docs/migrating-from-crane-and-skopeo.md';
const SEVERAL_PLATFORMS = 'spec/fixtures/skopeo-oci-archive-multi-platform.tar';
const SEVERAL_IMAGES = 'spec/fixtures/docker-20.10-multi-image.tar';

/** What the page tells people to type who come from crane and skopeo, against a real registry and a second one. */
describe(PAGE, () => {
  let real: RegistryProcess;
  let second: RegistryServer;
  let client: RegistryClient;
  let folder: string;
  let digest: string;
  beforeAll(async () => {
    [real, second] = await Promise.all([startRegistry(), RegistryServer.start()]);
    client = new RegistryClient({ url: real.url });
    folder = await mkdtemp(join(tmpdir(), 'docs-commands-'));
  });
  afterAll(async () => {
    await client.close();
    await Promise.all([real.stop(), second.close(), rm(folder, { recursive: true, force: true })]);
  });

  beforeEach(async () => {
    const elsewhere = new RegistryClient({ url: second.url });
    ({ digest } = await client.push(SEVERAL_PLATFORMS, 'team/app:1.0'));
    await client.tag('team/app', '1.0', '1.2.3');
    await elsewhere.push(SEVERAL_PLATFORMS, 'team/app:1.0');
    await elsewhere.close();
    await copyFile(SEVERAL_PLATFORMS, join(folder, 'app.tar'));
    await copyFile(SEVERAL_IMAGES, join(folder, 'images.tar'));
  });

  function typed(line: string): string[] {
    const here = line
      .replaceAll('localhost:5000', new URL(real.url).host)
      .replaceAll('registry.example.com', new URL(second.url).host)
      .replaceAll('$tag', '1.0')
      .replace(/sha256:[0-9a-f]{64}/, digest);
    const words = here.split(' ').slice(1);
    return words.map((word) => (/^(app|images)\.tar$/.test(word) ? join(folder, word) : word));
  }

  const lines = commandLinesIn(readFileSync(PAGE, 'utf8'));

  it('has command lines', () => {
    expect(lines.length).toBeGreaterThan(20);
  });

  it.each(lines.filter((line) => !isRefusedBy28(line)))('%s', async (line) => {
    const input = createReadStream(SEVERAL_PLATFORMS);
    const { code, out, err } = await cli(typed(line), {}, input);
    input.destroy();
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    expect(out).not.toBe('');
  });

  it.each(lines.filter(isRefusedBy28))('%s is refused by distribution 2.8, as the page says', async (line) => {
    const { code, err } = await cli(typed(line));
    expect(code).toBe(1);
    expect(err).toContain('cannot delete a single tag');
  });
});

function isRefusedBy28(line: string): boolean {
  return line.includes(' delete-tag ') && !line.includes('--fallback');
}
