/**
 * Removes records from the front of a partition. The low watermark may lie anywhere, files go as whole segments: so emptying
 * a log and dropping what a channel has missed are exact while records come in, and no batch is ever cut in two.
 *
 *     raise ──▶ low watermark, segments leave the set      at once: nobody begins to read below it any more
 *     carryOut ──▶ log synced ──▶ mark written, synced ──▶ files removed ──▶ directory synced
 *
 * Whoever reads a segment at that moment finishes on its open file. What fails is left for the next `carryOut` or, after a
 * crash, for recovery; until the mark is synced, a start brings the records back.
 */

import { segmentFilesBelow } from "./segment-files.ts";
import type { SegmentSet } from "./segment-set.ts";
import { joinPath, removeIfThere } from "./storage/storage.ts";

export class Trimmer {
  /** Offsets below the low watermark that were above it when the partition was opened. */
  trimmedCount = 0;
  readonly #segments: SegmentSet;
  readonly #sync: (endOffset: number) => Promise<void>;
  /** The mark is not written, or files are not removed. */
  #unfinished = false;
  /** The last `carryOut`; never rejects. */
  #working: Promise<void> = Promise.resolve();

  /** `sync` resolves when every offset below the one given is synced. */
  constructor(segments: SegmentSet, sync: (endOffset: number) => Promise<void>) {
    this.#segments = segments;
    this.#sync = sync;
  }

  /** True when `offset` is a new low watermark. */
  raise(offset: number): boolean {
    const low = this.#segments.lowWatermark;
    const isHigher = offset > low;
    if (isHigher) {
      this.trimmedCount += offset - low;
      this.#segments.trimmedTo = offset;
    }
    // A segment that was the newest one when the watermark rose over it goes when it is not that any more.
    if (this.#segments.removeBelow(this.#segments.trimmedTo) || isHigher) this.#unfinished = true;
    return isHigher;
  }

  /** Makes durable what was raised and frees the disk. Rejects with the first failure. */
  carryOut(): Promise<void> {
    const work = this.#working.then(() => this.#carryOut());
    this.#working = work.catch(() => undefined);
    return work;
  }

  async #carryOut(): Promise<void> {
    if (!this.#unfinished) return;
    this.#unfinished = false;
    const { trimmedTo, mark } = this.#segments;
    const keptFrom = this.#segments.list[0]!.baseOffset;
    try {
      await this.#sync(trimmedTo);
      await mark.write(trimmedTo);
      await this.#segments.changeFiles(() => removeFilesBelow(this.#segments, keptFrom));
    } catch (error) {
      this.#unfinished = true;
      throw error;
    }
  }

  /** Resolves when no call to the files is under way. */
  quiet(): Promise<void> {
    return this.#working;
  }
}

/**
 * Removes every file of segments that begin before `offset`, which is not above `trimmedTo`, once the mark is synced:
 * batches, index, what was cut off or kept aside.
 */
export async function removeFilesBelow(segments: SegmentSet, offset: number): Promise<void> {
  const { storage, directory, mark } = segments;
  const names = segmentFilesBelow((await storage.list(directory)) ?? [], offset);
  if (names.length === 0) return;
  await mark.write(Math.max(mark.offset, offset));
  for (const name of names) await removeIfThere(storage, joinPath(directory, name));
  await storage.syncDirectory(directory);
}
