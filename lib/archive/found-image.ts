import type { ArchiveProblem } from '../errors.js';
import { type ArchiveImage, type ArchiveLayer, type ArchiveManifest, isForeign } from './archive-image.js';

/** What became of one image that a layout lists: the image, or why there is none. */
export interface FoundImage {
  /** As the layout writes them. */
  tags: readonly string[];
  /** Absent when it has any problem. */
  image?: ArchiveImage;
  problems: readonly ArchiveProblem[];
  /** Whether all that is wrong is that entries are absent. */
  isIncomplete: boolean;
  /**
   * Whether `manifest.json` explains the layers by `LayerSources`, as Docker's classic store does from version 25 on: the OCI
   * manifest beside it is then Docker's invention, which no registry ever saw.
   */
  hasSources?: boolean;
  /** Every layer whose content can be checked, those of a broken image included. */
  layers: readonly ArchiveLayer[];
}

export function storedLayers(layers: ArchiveManifest['layers']): ArchiveLayer[] {
  return layers.filter((layer): layer is ArchiveLayer => !isForeign(layer));
}
