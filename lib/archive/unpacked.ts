import { pipeline, Readable } from 'node:stream';
import type { Packing } from '../compression/sniff.js';
import { createUnpacker, unpackingHint } from '../compression/unpacker.js';
import { TarReadError } from '../errors.js';

/**
 * What a packed tar holds. An error of `packed` is an error of the result; destroying the result destroys `packed`.
 * @param archive - path of the file, for messages
 * @throws TarReadError when this Node cannot unpack it
 */
export function unpacked(archive: string, packed: Readable | AsyncGenerator<Buffer>, packing: Packing): Readable {
  const unpacker = createUnpacker(packing);
  if (!unpacker) {
    if (packed instanceof Readable) packed.destroy();
    throw new TarReadError(`${archive} is packed with ${packing}, which cannot be read here`, {
      hint: unpackingHint(packing),
    });
  }
  pipeline(packed, unpacker.input, (error) => error && unpacker.output.destroy(error));
  return unpacker.output;
}
