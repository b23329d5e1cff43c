import { expect, it } from '@jest/globals';
import { describeSection } from './describe-section.js';

describeSection('Determining Support', (section) => {
  it('answers GET /v2/ with 200', async () => {
    expect((await section.caller.call('GET', '/v2/')).status).toBe(200);
  });
});
