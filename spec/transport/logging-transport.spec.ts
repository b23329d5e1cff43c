import { describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { LoggingTransport } from '../../lib/transport/logging-transport.js';
import { describeTransport } from '../contract/describe-transport.js';
import { type FakeHandler, FakeTransport } from '../support/fake-transport.js';

describeTransport('LoggingTransport', () => ({
  url: new URL('http://registry.test'),
  transport: new LoggingTransport(new EmbeddedTransport(), () => undefined),
  stop: () => undefined,
}));

const request = {
  method: 'PUT',
  url: new URL('https://user:hunter2@registry.example/upload?digest=sha256:ab&state=hunter2'),
  headers: { authorization: 'Bearer hunter2' },
};

function setUp(handler: FakeHandler) {
  const lines: string[] = [];
  const inner = new FakeTransport(handler);
  return { lines, inner, transport: new LoggingTransport(inner, (line) => lines.push(line)) };
}

describe('LoggingTransport', () => {
  it('says what was sent, what came, and how long that took', async () => {
    const { lines, transport } = setUp(() => ({ status: 201, headers: { location: 'hunter2' }, body: 'hunter2' }));
    const response = await transport.send(request);
    expect(response).toMatchObject({ status: 201, headers: { location: 'hunter2' } });
    expect(lines).toEqual([
      expect.stringMatching(/^PUT https:\/\/registry\.example\/upload\?digest=sha256:ab&state=REDACTED 201 \d+ ms$/),
    ]);
  });

  it('says what broke, on one line, and throws it on', async () => {
    const error = new Error('broken\r\nGET / 200 0 ms\u001b[2J');
    const { lines, transport } = setUp(() => {
      throw error;
    });
    await expect(transport.send(request)).rejects.toBe(error);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/ failed \d+ ms: broken\\u000d\\u000aGET \/ 200 0 ms\\u001b\[2J$/);
  });

  it('says that the caller gave up, whatever the reason', async () => {
    const { lines, transport } = setUp(() => ({}));
    await expect(transport.send({ ...request, signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect(lines[0]).toMatch(/ failed \d+ ms: enough$/);
  });

  it('closes what it wraps', async () => {
    const { inner, transport } = setUp(() => ({}));
    await transport.close();
    expect(inner.isClosed).toBe(true);
  });
});
