import { describe, expect, it } from '@jest/globals';
import { EmbeddedTransport } from '../../lib/embedded/embedded-transport.js';
import { ReadOnly } from '../../lib/embedded/read-only.js';
import { EmbeddedRegistry } from '../../lib/embedded/registry.js';
import { Caller, outcomeOf } from '../contract/caller.js';

describe('ReadOnly', () => {
  it('answers whatever only reads', async () => {
    const registry = new EmbeddedRegistry();
    const { bytes } = await new Caller(new EmbeddedTransport(registry)).pushImage('app', 'v1');
    const caller = new Caller(new EmbeddedTransport(new ReadOnly(registry)));
    expect((await caller.call('GET', '/v2/app/manifests/v1')).body.equals(bytes)).toBe(true);
    expect((await caller.call('HEAD', '/v2/app/manifests/v1')).status).toBe(200);
    expect((await caller.call('GET', '/v2/app/tags/list')).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'BREW'])('refuses %s', async (method) => {
    const caller = new Caller(new EmbeddedTransport(new ReadOnly(new EmbeddedRegistry())));
    const answer = await caller.call(method, '/v2/app/manifests/v1', { body: 'x' });
    expect(outcomeOf(answer)).toBe('405 UNSUPPORTED');
    expect(answer.headers).toMatchObject({
      allow: 'GET, HEAD',
      'content-length': String(answer.body.length),
      'docker-distribution-api-version': 'registry/2.0',
    });
  });
});
