import { describeLoad } from '../support/describe-load.js';

describeLoad({ blobs: 10_000 });
