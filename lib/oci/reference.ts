import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';
import { assertDigest, isDigest } from './digest.js';

/**
 * Where an image is: repository plus tag or digest, and the registry it names, if any.
 * Grammar: distribution `reference/reference.go`; names: distribution-spec v1.1, "Pulling manifests".
 */
export interface Reference {
  /** `host[:port]`; absent when the text names none. */
  registry?: string;
  /** For example `team/app`; lower-case, without the registry. */
  repository: string;
  /** Absent when the text names none. */
  tag?: string;
  /** `sha256:…` or `sha512:…`; absent when the text names none. It counts more than the tag. */
  digest?: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*\\.?|\\[[0-9A-Fa-f:.]+\\])(?::(?<port>[0-9]{1,5}))?$`);

/** @throws InvalidArgumentError when `name` is not a repository name; at most 255 characters, as registries enforce. */
export function assertRepository(name: string): string {
  if (isRepository(name)) return name;
  throw new InvalidArgumentError(`"${printable(String(name), 300)}" is not a repository name`, {
    code: 'NAME_INVALID',
    hint: 'Use lower-case letters, digits and . _ - between them, parts separated by /, for example team/app.',
  });
}

export function isRepository(name: unknown): name is string {
  return typeof name === 'string' && name.length <= 255 && REPOSITORY.test(name);
}

/** @throws InvalidArgumentError when `tag` is not a tag. */
export function assertTag(tag: string): string {
  if (isTag(tag)) return tag;
  throw new InvalidArgumentError(`"${printable(String(tag), 200)}" is not a tag`, {
    code: 'TAG_INVALID',
    hint: 'A tag is up to 128 letters, digits and _ . - and does not start with . or -.',
  });
}

export function isTag(tag: unknown): tag is string {
  return typeof tag === 'string' && TAG.test(tag);
}

/** A tag or a digest, as it may stand behind `/manifests/`. @throws InvalidArgumentError when it is neither. */
export function assertTagOrDigest(reference: string): string {
  return String(reference).includes(':') ? assertDigest(reference) : assertTag(reference);
}

/**
 * Parses `[host[:port]/]repository[:tag][@digest]`. The first part is a host when it holds a `.` or a `:`, is `localhost`,
 * or has upper-case letters: Docker's rule, so `team/app` stays a repository. Nothing is added: no `docker.io`, no `latest`.
 * @throws InvalidArgumentError when any part breaks the grammar.
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : assertDigest(text.slice(at + 1));
  const named = at < 0 ? text : text.slice(0, at);
  const { registry, rest } = splitRegistry(named);
  const colon = rest.indexOf(':');
  const tag = colon < 0 ? undefined : assertTag(rest.slice(colon + 1));
  return {
    ...(registry === undefined ? {} : { registry }),
    repository: assertRepository(colon < 0 ? rest : rest.slice(0, colon)),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** `[host[:port]/]repository[:tag][@digest]`; behind `docker.io/` an official image is `library/…`, as docker prints it. */
export function formatReference({ registry, repository, ...reference }: Reference): string {
  const name = registry === undefined ? repository : `${registry}/${repositoryOn(registry, repository)}`;
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${name}${tag}${digest}`;
}

/** Official images of Docker Hub are `alpine` to people, and `library/alpine` to the registry. */
export function repositoryOn(registry: string, repository: string): string {
  return registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository;
}

/** `repository:tag` or `repository@digest`. */
export function nameIn(repository: string, tagOrDigest: string): string {
  return `${repository}${isDigest(tagOrDigest) ? '@' : ':'}${tagOrDigest}`;
}

/** A repository and a tag, as `docker save` writes them into `RepoTags`. */
export interface RepositoryTag {
  /** `host[:port]`; absent when the name has none. */
  registry?: string;
  /** For example `team/app`; lower-case, without the registry. */
  repository: string;
  /** `latest` where the name has none. */
  tag: string;
}

/**
 * Splits a `RepoTags` entry: `localhost:5000/team/app` → registry `localhost:5000`, repository `team/app`, tag `latest`.
 * @throws InvalidArgumentError when it is not a name, or names a digest.
 */
export function parseRepositoryTag(text: string): RepositoryTag {
  const { digest, ...reference } = parseReference(text);
  if (digest !== undefined) {
    throw new InvalidArgumentError(`"${printable(text, 300)}" names a digest where a tag is wanted`, {
      code: 'TAG_INVALID',
    });
  }
  return { ...reference, tag: reference.tag ?? 'latest' };
}

function splitRegistry(named: string): { registry?: string; rest: string } {
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(slash, 0));
  const isHost = first === 'localhost' || /[.:A-Z]/.test(first);
  if (!isHost) return { rest: named };
  const host = HOST.exec(first);
  if (host && Number(host.groups?.port ?? 0) <= 65_535) return { registry: first, rest: named.slice(slash + 1) };
  throw new InvalidArgumentError(`"${printable(first, 200)}" is not a registry host`, {
    code: 'NAME_INVALID',
    hint: 'Write host or host:port before the first slash.',
  });
}
