import { describe, expect, it } from '@jest/globals';
import { processTitle } from '../../lib/cli/process-title.js';

describe('processTitle', () => {
  it.each([
    [['tags', 'http://alice:s3cr3t@localhost:5000/app'], 'registry-client tags http://REDACTED@localhost:5000/app'],
    [['ping', '--registry=https://a:s3/cr@3t@host'], 'registry-client ping --registry=https://REDACTED@host'],
    [['pull', `https://a:s3cr3t@host/app@sha256:${'0'.repeat(64)}`, 'x'], undefined],
    [['ping', 'alice:s3/cr3t@localhost:5000'], 'registry-client ping REDACTED@localhost:5000'],
    [['tags', 'app', '--registry=alice:s3cr3t@host'], 'registry-client tags app --registry=REDACTED@host'],
    [['serve', '--auth', 'ci:s3cr3t', '--port', '0'], 'registry-client serve --auth REDACTED --port 0'],
    [['serve', '--auth=ci:s3cr3t'], 'registry-client serve --auth=REDACTED'],
    [['login', '-u', 'ci', '--password', 's3cr3t'], 'registry-client login -u ci --password REDACTED'],
    [['login', '--password=s3cr3t'], 'registry-client login --password=REDACTED'],
    [['login', '-p', 's3cr3t', '--password-stdin'], 'registry-client login -p REDACTED --password-stdin'],
    [['login', '-ps3cr3t'], 'registry-client login -pREDACTED'],
    [['login', '-qp', 's3cr3t'], 'registry-client login -qp REDACTED'],
    [['login', '-qps3cr3t'], 'registry-client login -qpREDACTED'],
  ])('of %j holds no secret', (args, expected) => {
    const title = processTitle(args) ?? '';
    expect(title).not.toMatch(/s3|cr3t/);
    if (expected !== undefined) expect(title).toBe(expected);
  });

  it.each([
    [[]],
    [['push', 'app.tar', 'localhost:5000/app:1']],
    [['pull', `https://host/app@sha256:${'0'.repeat(64)}`, 'app.tar']],
    [['pull', `app:1@sha256:${'0'.repeat(64)}`, 'app.tar']],
    [['pull', `host:5000/team/app:1@sha512:${'0'.repeat(128)}`, 'app.tar']],
  ])('is the system’s own for %j', (args) => {
    expect(processTitle(args)).toBeUndefined();
  });
});
