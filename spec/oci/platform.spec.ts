import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgumentError } from '../../lib/errors.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, platformMatches } from '../../lib/oci/platform.js';

describe('parsePlatform', () => {
  it('reads os, architecture and variant', () => {
    expect(parsePlatform('linux/amd64')).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(parsePlatform('linux/arm64/v8')).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
  });

  it.each([
    '',
    'linux',
    'linux/',
    '/amd64',
    'linux//v8',
    'linux/arm64/',
    'linux/arm/v7/x',
    'linux/a b',
    'linux/a\n',
    'ö/x',
  ])('refuses "%s"', (text) => {
    expect(() => parsePlatform(text)).toThrow(InvalidArgumentError);
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID' }));
  });

  it('says what a platform looks like', () => {
    expect(() => parsePlatform('amd64')).toThrow('"amd64" is not a platform. Write os/architecture or');
  });

  it('reads what formatPlatform writes, and any other text or refuses it', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_.-]{1,10}$/);
    const text = fc.oneof(
      fc.array(part, { maxLength: 4 }).map((parts) => parts.join('/')),
      fc.string(),
    );
    const property = fc.property(text, (input) => {
      try {
        expect(formatPlatform(parsePlatform(input))).toBe(input);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidArgumentError);
      }
    });
    fc.assert(property, { seed: 20260101, numRuns: 300 });
  });
});

describe('platformMatches', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64/v9', 'linux/arm64', false],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['linux/arm/v7', 'linux/arm', false],
  ])('asked for %s, given %s: %s', (wanted, available, matches) => {
    expect(platformMatches(parsePlatform(wanted), parsePlatform(available))).toBe(matches);
  });
});

describe('isUnknownPlatform', () => {
  it('is true for the platform of attestations only', () => {
    expect(isUnknownPlatform({ os: 'unknown', architecture: 'unknown' })).toBe(true);
    expect(isUnknownPlatform({ os: 'linux', architecture: 'unknown' })).toBe(false);
    expect(isUnknownPlatform({ os: 'unknown', architecture: 'amd64' })).toBe(false);
    expect(isUnknownPlatform(undefined)).toBe(false);
  });
});
