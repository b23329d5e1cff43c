import { InvalidArgumentError } from '../errors.js';
import { printable } from '../redact.js';
import {
  catalogInHundreds,
  googleTagList,
  pagesUpTo,
  pullLimit,
  tagsAtOnce,
  withoutCatalog,
  withoutReferrers,
} from './list-quirks.js';
import {
  mediaTypeRequired,
  ociWhenAccepted,
  olderManifests,
  tagsFirst,
  tagsStay,
  withoutDelete,
} from './manifest-quirks.js';
import type { RegistryHandler, RegistryRequest, RegistryResponse } from './message.js';
import type { Quirk } from './quirk.js';
import { errorResponse, Refusal } from './registry-error.js';
import { routeOf, splitTarget } from './route.js';
import { seal } from './seal.js';
import {
  chunksUpTo,
  contentRangeIgnored,
  patchCreates,
  postOnlyStarts,
  rangeStandsStill,
  staleLocations,
  withoutChunks,
} from './upload-quirks.js';

/** Registries that differ from the spec in ways that clients meet. */
export type PersonalityName = 'distribution-2.8' | 'distribution-3' | 'ecr' | 'ghcr' | 'google' | 'docker-hub';

/** distribution's defaults of `catalog.maxentries` and `tags.maxtags`. */
const MAX_ENTRIES = 1000;
const GHCR_CHUNK = 4 * 1024 * 1024;
const HUB_PULLS = 100;
const HUB_WINDOW = 21_600;

const QUIRKS: Readonly<Record<PersonalityName, () => readonly Quirk[]>> = {
  'distribution-2.8': () => [
    withoutReferrers,
    tagsStay,
    tagsAtOnce,
    pagesUpTo(MAX_ENTRIES, 'catalog'),
    catalogInHundreds,
    ociWhenAccepted,
    olderManifests,
    postOnlyStarts,
    staleLocations('2.8'),
    contentRangeIgnored,
  ],
  'distribution-3': () => [
    withoutReferrers,
    pagesUpTo(MAX_ENTRIES, 'catalog', 'tags'),
    catalogInHundreds,
    ociWhenAccepted,
    staleLocations('3'),
  ],
  // go-containerregistry pkg/v1/remote/options.go: more than 1000 tags a page are refused.
  ecr: () => [pagesUpTo(1000, 'tags'), mediaTypeRequired, patchCreates, rangeStandsStill()],
  ghcr: () => [withoutCatalog(404), withoutDelete, chunksUpTo(GHCR_CHUNK)],
  google: () => [withoutChunks, tagsFirst, googleTagList],
  'docker-hub': () => [withoutCatalog(401), withoutDelete, pullLimit(HUB_PULLS, HUB_WINDOW)],
};

/** A registry that behaves like a real one where that differs from the spec. */
export class Personality implements RegistryHandler {
  private readonly chain: RegistryHandler;

  /** @throws InvalidArgumentError for a name that is none. */
  constructor(inner: RegistryHandler, name: PersonalityName) {
    if (!Object.hasOwn(QUIRKS, name)) throw unknown(name);
    this.chain = QUIRKS[name]().reduceRight(withQuirk, inner);
  }

  async handle(request: RegistryRequest): Promise<RegistryResponse> {
    try {
      return await this.chain.handle(request);
    } catch (error) {
      if (error instanceof Refusal) return seal(request, errorResponse(error));
      throw error;
    }
  }
}

function withQuirk(next: RegistryHandler, quirk: Quirk): RegistryHandler {
  return {
    handle: async (request) => {
      const { path, query } = splitTarget(request.target);
      const route = routeOf(path);
      if (route === undefined) return next.handle(request);
      return quirk({ ...request, route, query }, next);
    },
  };
}

function unknown(name: string): InvalidArgumentError {
  return new InvalidArgumentError(`there is no personality "${printable(String(name), 50)}"`, {
    hint: `There are ${Object.keys(QUIRKS).join(', ')}.`,
  });
}
