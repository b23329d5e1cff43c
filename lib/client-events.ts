import type { Writable } from 'node:stream';
import type { CopyOptions, PullOptions, PushInput, PushOptions, PushOriginalTagsOptions } from './client-options.js';
import type { RegistryClient } from './registry-client.js';
import type { CopiedImage, CopyEvent } from './transfer/copy.js';
import type { PushEvent } from './transfer/progress.js';
import type { PulledImage, PullEvent } from './transfer/pull.js';
import type { PushedImage } from './transfer/push.js';
import { TransferEvents } from './transfer/transfer-events.js';

/** The transfers of a client, for `for await`: each takes what the method of the same name takes. */
export class ClientEvents {
  /** Use {@link RegistryClient.withEvents}. */
  constructor(private readonly client: RegistryClient) {}

  /** As {@link RegistryClient.push}, with an `onProgress` that is called too, if there is one. */
  push(input: PushInput, reference: string, options: PushOptions = {}): TransferEvents<PushEvent, PushedImage> {
    return new TransferEvents((hooks) => this.client.push(input, reference, { ...options, ...hooks }), options);
  }

  /** As {@link RegistryClient.pushOriginalTags}. */
  pushOriginalTags(input: PushInput, options: PushOriginalTagsOptions = {}): TransferEvents<PushEvent, PushedImage[]> {
    return new TransferEvents((hooks) => this.client.pushOriginalTags(input, { ...options, ...hooks }), options);
  }

  /** As {@link RegistryClient.pull}. */
  pull(
    reference: string,
    target: string | Writable,
    options: PullOptions = {},
  ): TransferEvents<PullEvent, PulledImage> {
    return new TransferEvents((hooks) => this.client.pull(reference, target, { ...options, ...hooks }), options);
  }

  /** As {@link RegistryClient.copy}. */
  copy(source: string, target: string, options: CopyOptions = {}): TransferEvents<CopyEvent, CopiedImage> {
    return new TransferEvents((hooks) => this.client.copy(source, target, { ...options, ...hooks }), options);
  }
}
