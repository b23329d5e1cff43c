import { beforeAll, describe, expect, it } from '@jest/globals';
import { scheduleOf } from './fault-schedule.js';
import { handles, leftOver, watchListeners } from './handles.js';
import { runSchedule } from './scheduled-run.js';

/** Schedules mostly wait, for pauses and for stalls to be given up. */
const AT_ONCE = 8;
/** Schedules of one `it`. */
const GROUP = 25;

/** Runs the schedules of these seeds, and looks for what they leave behind. */
export function describeSchedules(title: string, seeds: readonly number[]): void {
  describe(title, () => {
    let suspectedLeaks: () => string[];
    let before: Record<string, number>;

    beforeAll(async () => {
      suspectedLeaks = watchListeners();
      before = await handles();
    });

    it.each(groupsOf(seeds))(
      'ends in exact success or in a clear error, and its re-run completes: %s',
      async (_, group) => {
        expect(await failuresOf(group)).toEqual([]);
      },
      300_000,
    );

    it('leaves neither sockets nor files open, and no listener too many', async () => {
      await expect(leftOver(before)).resolves.toEqual({});
      expect(suspectedLeaks()).toEqual([]);
    });
  });
}

async function failuresOf(seeds: readonly number[]): Promise<string[]> {
  const failures: string[] = [];
  const left = [...seeds];
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const run = runSchedule(scheduleOf(seed));
      await run.catch((error: Error) => failures.push(`SEED=${seed} npm run test:faults\n${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
}

function groupsOf(seeds: readonly number[]): [string, number[]][] {
  const count = Math.ceil(seeds.length / GROUP);
  const groups = Array.from({ length: count }, (_, index) => seeds.slice(index * GROUP, (index + 1) * GROUP));
  return groups.map((group) => [`seeds ${group[0]} to ${group.at(-1)}`, group]);
}
