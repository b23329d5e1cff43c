import type { Descriptor } from '../oci/descriptor.js';

/** One content of a push: a layer or a config. */
export interface ProgressBlob {
  /** Name of the entry in the archive. */
  entry: string;
  /** Bytes in the archive. */
  size: number;
}

/** What a push reports, in this order for each blob; nothing ever goes backwards without a `retry`. */
export type PushEvent =
  /**
   * Before anything is sent, and again when all is done once more: how much there is to do. `bytes` are those in the
   * archive, each content once. Of a stream it is known at its end only, when the large layers have been sent: they are
   * counted, and their events came before.
   */
  | {
      state: 'planned';
      /** How many contents there are. */
      blobs: number;
      /** In the archive. */
      bytes: number;
    }
  /** Something the user should know that does not stop the push. */
  | {
      state: 'warning';
      /** One sentence, for people. */
      message: string;
    }
  /** A content is taken up. */
  | {
      state: 'started';
      /** Which one. */
      blob: ProgressBlob;
    }
  /** Totals for this blob so far. */
  | {
      state: 'progress';
      /** Which one. */
      blob: ProgressBlob;
      /** Bytes read from the archive, of `blob.size`. */
      read: number;
      /** Bytes handed to the network; fewer than `read` for what is packed on the way. */
      sent: number;
    }
  /** The blob starts over. */
  | {
      state: 'retry';
      /** Which one. */
      blob: ProgressBlob;
    }
  /** The repository has the blob now: it was there, linked from another repository, or sent. */
  | {
      state: 'exists' | 'mounted' | 'uploaded';
      /** Which one. */
      blob: ProgressBlob;
      /** Where it is now: one content may go to several. */
      repository: string;
      /** Of what is stored: the packed blob, where it was packed on the way. */
      descriptor: Descriptor;
    }
  /** A tag points to its image now. */
  | {
      state: 'tagged';
      /** `host[:port]/repository:tag`. */
      reference: string;
      /** Of the manifest or index behind it. */
      digest: string;
    };

/** Hears what a push does; what it throws ends the push. */
export type OnProgress = (event: PushEvent) => void;
