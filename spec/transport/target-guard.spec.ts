import { describe, expect, it, jest } from '@jest/globals';
import { TargetGuard } from '../../lib/transport/target-guard.js';
import { FakeTransport } from '../support/fake-transport.js';

function setUp(registry: string, addressesOf?: (name: string) => Promise<string[]>) {
  const inner = new FakeTransport(() => ({ body: 'ok' }));
  const guard = new TargetGuard(inner, new URL(registry), addressesOf);
  const send = (url: string, signal?: AbortSignal) =>
    guard.send({ method: 'GET', url: new URL(url), headers: {}, signal });
  return { inner, guard, send };
}

describe('TargetGuard', () => {
  describe.each(['https://registry.invalid', 'https://8.8.8.8'])('for %s', (registry) => {
    it.each(['https://10.0.0.5/x', 'https://192.168.1.1:9000/x', 'https://[fd00::1]/x', 'https://127.0.0.1/x'])(
      'sends nothing to %s',
      async (target) => {
        const { inner, send } = setUp(registry);
        await expect(send(`${target}?sig=s3cr3t`)).rejects.toMatchObject({
          code: 'ADDRESS_REFUSED',
          retryable: false,
          message: expect.stringMatching(/^GET .*\?sig=REDACTED was not sent: .* leads to the internal address /),
        });
        expect(inner.calls).toEqual([]);
      },
    );

    it.each(['https://storage.example/x', 'https://1.1.1.1/x', `${registry}/v2/`])('sends to %s', async (target) => {
      await expect(setUp(registry).send(target)).resolves.toMatchObject({ status: 200 });
    });
  });

  describe.each(['http://10.0.0.4:5000', 'http://localhost:5000', 'http://[fd00::4]'])('for %s', (registry) => {
    it('sends to a neighbour', async () => {
      await expect(setUp(registry).send('http://10.0.0.5:9000/x')).resolves.toMatchObject({ status: 200 });
    });

    it('sends nothing to what clouds keep on the link', async () => {
      await expect(setUp(registry).send('http://169.254.169.254/x')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    });
  });

  describe('for a name', () => {
    it.each([
      ['inside', ['10.1.2.3'], 'fulfilled'],
      ['inside, by one of its addresses', ['8.8.8.8', 'fd00::9'], 'fulfilled'],
      ['outside', ['8.8.8.8', '2606:4700::1111'], 'rejected'],
      ['nowhere', [], 'rejected'],
    ])('that is %s', async (_, addresses, expected) => {
      const addressesOf = jest.fn(() => Promise.resolve(addresses));
      const { send } = setUp('https://registry.example:5000', addressesOf);
      const settled = await Promise.allSettled([send('https://10.0.0.5/x'), send('https://[fd00::1]:9000/x')]);
      expect(settled.map(({ status }) => status)).toEqual([expected, expected]);
      expect(addressesOf.mock.calls).toEqual([['registry.example']]);
    });

    it('that cannot be looked up', async () => {
      const { send } = setUp('https://registry.example', () => Promise.reject(new Error('ENOTFOUND')));
      await expect(send('https://10.0.0.5/x')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    });

    it('asks nobody while the targets have names, too', async () => {
      const addressesOf = jest.fn(() => Promise.resolve(['10.1.2.3']));
      await setUp('https://registry.example', addressesOf).send('https://storage.example/x');
      expect(addressesOf).not.toHaveBeenCalled();
    });

    it('can be aborted while somebody is asked', async () => {
      const { send } = setUp('https://registry.example', () => new Promise(() => undefined));
      const abort = new AbortController();
      const sending = send('https://10.0.0.5/x', abort.signal);
      abort.abort('enough');
      await expect(sending).rejects.toBe('enough');
    });
  });

  it('closes what it wraps', async () => {
    const { inner, guard } = setUp('https://registry.invalid');
    await guard.close();
    expect(inner.isClosed).toBe(true);
  });
});
