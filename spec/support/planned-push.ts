import { expect } from '@jest/globals';
import {
  type PlanOriginalTagsOptions,
  type PlanPushOptions,
  type PushedImage,
  type PushEvent,
  type PushInput,
  type PushPlan,
  RegistryClient,
  type RegistryClientConfig,
} from '../../lib/index.js';

/** A push, planned and then done, each by a client that knows nothing. */
export interface PlannedPush {
  plan: PushPlan;
  pushed: readonly PushedImage[];
  /** `METHOD URL` of each request that planning made, and pushing. */
  planning: readonly string[];
  pushing: readonly string[];
}

type Input = Exclude<PushInput, NodeJS.ReadableStream>;
type Options = PlanPushOptions & PlanOriginalTagsOptions;

/** Plans a push, does it, and expects that the plan came true. @param reference - absent for the original tags */
export async function planAndPush(
  config: RegistryClientConfig,
  input: Input,
  reference: string | undefined,
  options: Options = {},
): Promise<PlannedPush> {
  const [plan, planning] = await recorded(config, (client) =>
    reference === undefined ? client.planPushOriginalTags(input, options) : client.planPush(input, reference, options),
  );
  const events: PushEvent[] = [];
  const watched = { ...options, onProgress: (event: PushEvent) => void events.push(event) };
  const [pushed, pushing] = await recorded(config, async (client) =>
    reference === undefined ? client.pushOriginalTags(input, watched) : [await client.push(input, reference, watched)],
  );
  expectOnlyQuestions(planning);
  expectBlobs(plan, events, pushed);
  expectTags(plan, pushed, pushing);
  expect(plan.requests.atLeast).toBeLessThanOrEqual(pushing.length);
  expect(plan.requests.atMost).toBeGreaterThanOrEqual(pushing.length);
  return { plan, pushed, planning, pushing };
}

export function expectOnlyQuestions(requests: readonly string[]): void {
  expect(requests.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
}

async function recorded<T>(
  config: RegistryClientConfig,
  work: (client: RegistryClient) => Promise<T>,
): Promise<[T, string[]]> {
  const requests: string[] = [];
  const log = (line: string): void => {
    const [method = '', url = '', status = ''] = line.split(' ');
    // What is refused until it comes with a password is one request.
    if (/^[A-Z]+$/.test(method) && url.includes('/v2/') && status !== '401') requests.push(`${method} ${url}`);
  };
  const client = new RegistryClient({ cache: false, ...config, log });
  try {
    return [await work(client), requests];
  } finally {
    await client.close();
  }
}

const ACTIONS = { uploaded: 'send', mounted: 'mount', exists: 'there' } as const;

function expectBlobs(plan: PushPlan, events: readonly PushEvent[], pushed: readonly PushedImage[]): void {
  const done = events.filter((event) => 'repository' in event);
  for (const { repository, digest, entry, action } of plan.blobs) {
    const here = done.filter((event) => event.repository === repository);
    // Several entries may be one blob: which of them is sent depends on who is first.
    const own = here.filter(({ blob, descriptor }) =>
      digest === undefined ? blob.entry === entry : descriptor.digest === digest,
    );
    const states = new Set(own.map(({ state }) => ACTIONS[state]));
    const outcome = (['send', 'mount', 'there'] as const).find((state) => states.has(state));
    const planned = action === 'skip' || action === 'known' ? 'there' : action;
    expect(`${entry} in ${repository}: ${outcome}`).toBe(`${entry} in ${repository}: ${planned}`);
  }
  const names = new Set(plan.blobs.map(({ repository, entry }) => `${repository} ${entry}`));
  const others = done.filter(({ repository, blob }) => !names.has(`${repository} ${blob.entry}`));
  for (const { repository, descriptor } of others)
    expect(plan.blobs).toContainEqual(expect.objectContaining({ repository, digest: descriptor.digest }));
  const sum = (count: (image: PushedImage) => number): number => pushed.reduce((all, image) => all + count(image), 0);
  expect(plan.counts).toMatchObject({
    send: sum(({ blobs }) => blobs.uploaded),
    mount: sum(({ blobs }) => blobs.mounted),
  });
  const sent = sum(({ bytesSent }) => bytesSent);
  if (plan.isExact) expect(plan.bytes).toBe(sent);
  // What is dense gets a little larger when it is packed.
  else expect(plan.bytes * 1.001 + 100).toBeGreaterThanOrEqual(sent);
}

function expectTags(plan: PushPlan, pushed: readonly PushedImage[], requests: readonly string[]): void {
  expect(plan.tags.map(({ reference }) => reference)).toEqual(pushed.map(({ reference }) => reference));
  for (const [i, { digest, mediaType, omitted }] of pushed.entries()) {
    const planned = plan.tags[i]!;
    expect(planned).toMatchObject({ mediaType, omitted });
    if (planned.digest !== undefined) expect(planned.digest).toBe(digest);
    const isSet = requests.some((line) => line.startsWith('PUT ') && line.endsWith(tagPath(planned)));
    expect(planned.action).toBe(isSet ? 'set' : 'keep');
  }
}

function tagPath({ repository, tag }: { repository: string; tag: string }): string {
  return `/v2/${repository}/manifests/${tag}`;
}
