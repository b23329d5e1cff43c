import { describe, expect, it } from '@jest/globals';
import { checkPullOrder, checkPushOrder } from '../../lib/cli/argument-order.js';
import { cli } from './fake-io.js';

describe('the order of arguments', () => {
  it.each<[string[], string]>([
    [['push', 'localhost:5000/app:v1', 'app.tar'], 'Did you mean: registry-client push app.tar localhost:5000/app:v1?'],
    [['push', 'team/app:v1', './out/app.tar.gz'], 'Did you mean: registry-client push ./out/app.tar.gz team/app:v1?'],
    [['push', 'app.tar', 'app.tar'], 'Write it with its host, localhost:5000/app.tar, if that is its name.'],
    [['push', '-', '/tmp/app.tgz'], '/tmp/app.tgz is an archive, where the name of an image is wanted'],
    [['push', 'localhost:5000/app'], 'The archive comes first: registry-client push app.tar localhost:5000/app.'],
    [['push', 'app:v1'], 'there is no file app:v1, which reads as a name to push under'],
    [['pull', 'app.tar', 'localhost:5000/app:v1'], 'Did you mean: registry-client pull localhost:5000/app:v1 app.tar?'],
  ])('of %j is asked about, exit code 2', async (args, message) => {
    const { code, out, err } = await cli(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: [^\n]*\n$/);
    expect(err).toContain(message);
  });

  it('is right for everything that can be meant', () => {
    for (const [tar, name] of [
      ['app.tar', 'localhost:5000/app:v1'],
      ['app.tar', 'team/app.tar'],
      ['app.tar', 'localhost:5000/app.tar'],
      ['app.tar', 'http://localhost/app.tar'],
      ['-', 'app'],
      ['app:v1.tar', undefined],
      ['package.json', undefined],
      ['./a:b', undefined],
      ['-', undefined],
    ] as const) {
      expect(() => checkPushOrder(tar, name)).not.toThrow();
    }
    expect(() => checkPullOrder('team/app.tar', 'app.tar')).not.toThrow();
  });
});
