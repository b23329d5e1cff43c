import { describe, expect, it } from '@jest/globals';
import { checkFault, type Fault, isMeantFor } from '../../lib/embedded/fault.js';
import { InvalidArgumentError } from '../../lib/errors.js';

describe('checkFault', () => {
  it.each<Fault>([
    { on: 'PATCH', nth: 1, resetAfterBytes: 4_000_000 },
    { on: 'PUT', path: /manifests/, status: 503, retryAfter: 2 },
    { status: 429, retryAfter: new Date(), code: 'TOOMANYREQUESTS', times: Infinity },
    { dropResponse: true },
    { delayMs: 10 },
    { delayMs: 10, path: '/token', stallAfterBytes: 0 },
    { on: 'GET', nth: 2, times: 3, truncateAfterBytes: 10 },
    { flipBit: 0 },
  ])('takes %j', (fault) => {
    expect(checkFault(fault, 0)).toEqual(fault);
  });

  it.each<[unknown, RegExp]>([
    [{ stauts: 503 }, /^faults\[2\] has a field "stauts"; there are on, path, /],
    [{ constructor: 1 }, /a field "constructor"/],
    [{ on: 5, status: 503 }, /has on: 5; it must be a method/],
    [{ on: '', status: 503 }, /has on: /],
    [{ path: 5, status: 503 }, /has path: 5; it must be text or a regular expression/],
    [{ nth: 0, status: 503 }, /has nth: 0; it must be a whole number from 1/],
    [{ times: 1.5, status: 503 }, /has times: 1.5/],
    [{ delayMs: -1 }, /has delayMs: -1; it must be a number of milliseconds/],
    [{ delayMs: 2 ** 31 }, /has delayMs/],
    [{ status: 100 }, /has status: 100; it must be a status from 200 to 599/],
    [{ status: 503, retryAfter: 'soon' }, /has retryAfter: soon; it must be seconds or a Date/],
    [{ status: 503, code: '' }, /has code/],
    [{ dropResponse: false }, /has dropResponse: false; it must be true/],
    [{ resetAfterBytes: '4 MB' }, /has resetAfterBytes: 4 MB; it must be a number of bytes/],
    [{ flipBit: -1 }, /has flipBit: -1; it must be the offset of a byte/],
    [{}, /does nothing: it needs delayMs or one of status, dropResponse/],
    [{ on: 'PUT', nth: 2 }, /does nothing/],
    [{ status: 503, dropResponse: true }, /has status and dropResponse: one thing goes wrong at a time/],
    [{ dropResponse: true, retryAfter: 2 }, /has retryAfter without a status/],
    [{ delayMs: 1, code: 'DENIED' }, /has code without a status/],
  ])('refuses %j', (fault, message) => {
    const check = () => checkFault(fault as Fault, 2);
    expect(check).toThrow(InvalidArgumentError);
    expect(check).toThrow(message);
  });

  it('takes undefined for not given', () => {
    expect(() => checkFault({ status: 500, dropResponse: undefined } as unknown as Fault, 0)).not.toThrow();
  });
});

describe('isMeantFor', () => {
  it.each<[Fault, boolean]>([
    [{}, true],
    [{ on: 'PUT' }, true],
    [{ on: 'put' }, true],
    [{ on: 'PATCH' }, false],
    [{ path: '/manifests/' }, true],
    [{ path: '/blobs/' }, false],
    [{ path: /manifests\/1$/ }, true],
    [{ path: /^\/v2\/other/ }, false],
    [{ on: 'GET', path: /manifests/ }, false],
  ])('says for %j: %s', (fault, expected) => {
    expect(isMeantFor(fault, 'PUT', '/v2/app/manifests/1')).toBe(expected);
  });

  it('says the same again for a pattern with the flag g', () => {
    const fault = { path: /manifests/g };
    expect([1, 2].map(() => isMeantFor(fault, 'PUT', '/v2/app/manifests/1'))).toEqual([true, true]);
  });
});
