import { describeSchedules } from './support/describe-schedules.js';

/** A few of those of `npm run test:faults`, chosen from all that are over soon. */
const SEEDS = Array.from({ length: 25 }, (_, index) => 1 + index * 8);

describeSchedules('a sample of the fault schedules', SEEDS);
