import { RegistryClientError } from '../errors.js';
import { printable } from '../redact.js';
import { isDigest } from './digest.js';
import type { Platform } from './platform.js';

/**
 * Describes content by type, digest and size. Source: image-spec v1.1,
 * [descriptor.md](https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md).
 */
export interface Descriptor {
  /** What the content is, for example one of {@link MediaType}. */
  mediaType: string;
  /** `sha256:…` or `sha512:…` of the bytes. */
  digest: string;
  /** Bytes. */
  size: number;
  /** Absent for none. */
  annotations?: Readonly<Record<string, string>>;
  /** In an index: whom the image is for. Absent elsewhere. */
  platform?: Platform;
  /** Of a manifest that is no image: what it is, for example a signature. */
  artifactType?: string;
  /** Where a foreign layer can be downloaded; such layers are not pushed. */
  urls?: readonly string[];
  /** The content itself, base64. */
  data?: string;
}

/** A JSON object from outside; never merged into another object, so `__proto__` keys stay data. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Checks a descriptor read from JSON.
 * @param where - named in the error, for example `layers[2] of the manifest`
 * @throws RegistryClientError with code `MANIFEST_INVALID` when a required field is absent or malformed.
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) throw malformed(`${where} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw malformed(`${where} has no mediaType`);
  if (!isDigest(digest)) throw malformed(`${where} has no valid digest but ${show(digest)}`);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw malformed(`${where} has no valid size but ${show(size)}`);
  return { mediaType, digest, size: size as number, ...optionalFields(value, where) };
}

/** What is wrong with a manifest or a descriptor, before anybody knows where it came from. */
export function malformed(message: string): RegistryClientError {
  return new RegistryClientError(message, { code: 'MANIFEST_INVALID' });
}

/** @throws RegistryClientError with code `MANIFEST_INVALID` unless `value` maps strings to strings. */
export function parseAnnotations(value: unknown, where: string): Readonly<Record<string, string>> {
  if (!isJsonObject(value) || !Object.values(value).every(isText)) {
    throw malformed(`${where} has annotations that are not text`);
  }
  return value as Readonly<Record<string, string>>;
}

function optionalFields(value: JsonObject, where: string): Partial<Descriptor> {
  const { annotations, platform, artifactType, urls, data } = value;
  return {
    ...(annotations == null ? {} : { annotations: parseAnnotations(annotations, where) }),
    ...(platform == null ? {} : { platform: parsePlatformObject(platform, where) }),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(Array.isArray(urls) ? { urls: urls.filter(isText) } : {}),
    ...(typeof data === 'string' ? { data } : {}),
  };
}

function parsePlatformObject(value: unknown, where: string): Platform {
  if (!isJsonObject(value) || typeof value.os !== 'string' || typeof value.architecture !== 'string') {
    throw malformed(`${where} has a platform without os or architecture`);
  }
  const { os, architecture, variant } = value;
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
    ...(typeof value['os.version'] === 'string' ? { 'os.version': value['os.version'] } : {}),
    ...(Array.isArray(value['os.features']) ? { 'os.features': value['os.features'].filter(isText) } : {}),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Lists and objects are not written out: they may be nested deeper than that can go. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return `"${printable(JSON.stringify(value).replace(/^"|"$/g, ''), 100)}"`;
}
