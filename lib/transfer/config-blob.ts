import { RegistryError } from '../errors.js';
import { type Descriptor, isJsonObject, type JsonObject } from '../oci/descriptor.js';
import type { BlobService } from '../services/blob-service.js';
import type { CallOptions } from '../services/requests.js';

/** Configs are JSON of a few kB; larger than this they are something else. */
const MAX_CONFIG = 8 * 1024 * 1024;

/** Artifacts may have a config that is no JSON, which says nothing. */
export async function readConfig(
  blobs: BlobService,
  repository: string,
  config: Descriptor,
  options: CallOptions,
): Promise<JsonObject> {
  if (!config.mediaType.endsWith('json')) return {};
  if (config.size > MAX_CONFIG) {
    throw new RegistryError(
      `the config ${config.digest} of ${repository} has ${config.size} bytes, too many to be one`,
      {
        code: 'CONFIG_TOO_LARGE',
      },
    );
  }
  return parseConfig(await blobs.read(repository, config, options), repository, config);
}

function parseConfig(bytes: Buffer, repository: string, { digest }: Descriptor): JsonObject {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    if (isJsonObject(json)) return json;
  } catch {
    // Told below: the same error serves JSON that is no object.
  }
  throw new RegistryError(`the config ${digest} of ${repository} is not a JSON object`, { code: 'CONFIG_INVALID' });
}
