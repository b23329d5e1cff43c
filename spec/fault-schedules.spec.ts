import { describeSchedules } from './support/describe-schedules.js';

/** Some of those of `npm run test:faults` that are over soon, and in which something goes wrong. */
const SEEDS = [
  4, 12, 13, 36, 69, 71, 89, 128, 129, 209, 219, 231, 246, 258, 264, 282, 294, 299, 361, 387, 392, 470, 531, 579, 581,
];

describeSchedules('a sample of the fault schedules', SEEDS);
