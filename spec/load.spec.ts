import { describeLoad } from './support/describe-load.js';

// More of it runs with `npm run test:faults`.
describeLoad({ blobs: 1000 });
