import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { collect, RegistryClient } from '../../lib/index.js';
import { stopServers, TestServer } from '../support/test-server.js';

const PAGES = 100;
const PAGE_SIZE = 100;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Tags as long as they may be, so that keeping them would show. */
function tag(number: number): string {
  return `v${String(number).padStart(6, '0')}`.padEnd(128, '-x');
}

/** Makes each page when it is asked for. */
function serveTags(): Promise<TestServer> {
  return TestServer.http((request, response) => {
    const last = new URL(request.url!, 'http://any').searchParams.get('last');
    const first = last === null ? 0 : Number(last.slice(1, 7)) + 1;
    const tags = Array.from({ length: PAGE_SIZE }, (_, i) => tag(first + i));
    const next = `</v2/app/tags/list?n=${PAGE_SIZE}&last=${tags.at(-1)}>; rel="next"`;
    const isLast = first + PAGE_SIZE >= PAGES * PAGE_SIZE;
    response.writeHead(200, { 'content-type': 'application/json', ...(isLast ? {} : { link: next }) });
    response.end(JSON.stringify({ name: 'app', tags }));
  });
}

describe('10,000 tags over 100 pages', () => {
  afterEach(stopServers);

  it('are listed without keeping them', async () => {
    const server = await serveTags();
    const client = new RegistryClient({ url: server.url() });
    const held: number[] = [];
    let count = 0;
    for await (const _ of client.listTags('app', { pageSize: PAGE_SIZE })) {
      if (++count % (20 * PAGE_SIZE) !== 0) continue;
      collectGarbage();
      held.push(process.memoryUsage().heapUsed);
    }
    expect(count).toBe(PAGES * PAGE_SIZE);
    // Kept tags would be more than a megabyte by now.
    expect(held.at(-1)! - held[0]!).toBeLessThan(600_000);
    await client.close();
  });

  it('come in their order, and each page is asked for when the one before it has been read', async () => {
    const server = await serveTags();
    const client = new RegistryClient({ url: server.url() });
    const tags = client.listTags('app', { pageSize: PAGE_SIZE });
    for (let i = 0; i < PAGE_SIZE; i++) await tags.next();
    expect(server.requests).toHaveLength(1);
    const rest = await collect(tags);
    expect(rest).toHaveLength(PAGES * PAGE_SIZE - PAGE_SIZE);
    expect(rest.at(-1)).toBe(tag(PAGES * PAGE_SIZE - 1));
    expect(server.requests).toHaveLength(PAGES);
    await client.close();
  });
});
