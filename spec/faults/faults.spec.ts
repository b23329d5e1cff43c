import { describeLoad } from '../support/describe-load.js';
import { describeSchedules } from '../support/describe-schedules.js';

/** A seed that failed once and is not among them is added to them. */
const SEEDS = Array.from({ length: 600 }, (_, index) => index + 1);

/** One or more, with commas: SEED=123 npm run test:faults. */
const alone = process.env.SEED?.split(',').map(Number);

describeSchedules('every fault schedule', alone ?? SEEDS);

if (alone === undefined) describeLoad({ blobs: 10_000 });
