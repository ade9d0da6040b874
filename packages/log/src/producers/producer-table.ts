/**
 * What one partition knows of producers with an id: the epoch in which each wrote last, the sequence it has to go on with,
 * and where its last batches lie, so that a call that is sent again is answered and not appended again.
 *
 * It follows from the batches of the log alone, in their order, so that it is the same after a restart: appending counts
 * as use, being asked does not. Of too many producers the one that has not written for longest is forgotten. Then nobody
 * can say any more whether its first call was taken, so a producer that is not known may begin only with an epoch above
 * all that were forgotten; one that is opened now has such an epoch, because epochs rise over all producers.
 */

import { logErrors } from "../errors.ts";
import { producerBatchesMax, producersPerPartitionMax } from "../limits.ts";
import type { SegmentIdentity } from "../segment-identity.ts";
import type { ProducerStamp } from "./producer-block.ts";

export interface ProducerBatch {
  readonly sequence: number;
  readonly offset: number;
  readonly count: number;
}

export interface ProducerEntry {
  readonly epoch: number;
  readonly sequenceNext: number;
  /** The last ones, oldest first, one behind another in sequence; at least one. */
  readonly batches: readonly ProducerBatch[];
}

export class ProducerTable {
  readonly #identity: SegmentIdentity;
  readonly #producersMax: number;
  /** The one that has not written for longest first. */
  readonly #entries = new Map<string, ProducerEntry>();
  /** Highest epoch of those that were forgotten; -1: none was. */
  epochForgotten = -1;
  /** Highest epoch of all that wrote; -1: none did. */
  epochMax = -1;

  constructor(identity: SegmentIdentity, producersMax = producersPerPartitionMax) {
    this.#identity = identity;
    this.#producersMax = producersMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The one that has not written for longest first. */
  entries(): Iterable<readonly [id: string, entry: ProducerEntry]> {
    return this.#entries;
  }

  /**
   * Offset of the first record of this call if it was taken before; undefined if it is the one to come next. Throws
   * PRODUCER_FENCED, PRODUCER_UNKNOWN, SEQUENCE_GAP, DUPLICATE_SEQUENCE.
   */
  find(stamp: ProducerStamp, count: number): number | undefined {
    const { id, epoch, sequence } = stamp;
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      if (sequence === 0 && epoch > this.epochForgotten) return undefined;
      throw logErrors.PRODUCER_UNKNOWN({ ...this.#identity, id, epoch });
    }
    if (epoch < entry.epoch) throw logErrors.PRODUCER_FENCED({ id, epoch, epochCurrent: entry.epoch });
    const expected = epoch === entry.epoch ? entry.sequenceNext : 0;
    if (sequence === expected) return undefined;
    if (sequence > expected) throw logErrors.SEQUENCE_GAP({ ...this.#identity, id, sequence, expected });
    for (const batch of entry.batches) if (batch.sequence === sequence && batch.count === count) return batch.offset;
    throw logErrors.DUPLICATE_SEQUENCE({ ...this.#identity, id, sequence, expected });
  }

  /** Notes a batch that is in the log, behind all that were noted before. */
  add(stamp: ProducerStamp, offset: number, count: number): void {
    const { id, epoch, sequence } = stamp;
    const entry = this.#entries.get(id);
    const batch = { sequence, offset, count };
    // Behind damage there may be a gap: what was before it is not known again then.
    const goesOn = entry?.epoch === epoch && entry.sequenceNext === sequence;
    const batches = goesOn ? [...entry.batches.slice(1 - producerBatchesMax), batch] : [batch];
    this.put(id, { epoch, sequenceNext: sequence + count, batches });
  }

  /** Sets what is known of a producer, as the one that wrote last. */
  put(id: string, entry: ProducerEntry): void {
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    this.epochMax = Math.max(this.epochMax, entry.epoch);
    if (this.#entries.size > this.#producersMax) this.#forgetOne();
  }

  #forgetOne(): void {
    for (const [id, { epoch }] of this.#entries) {
      this.#entries.delete(id);
      this.epochForgotten = Math.max(this.epochForgotten, epoch);
      return;
    }
  }

  /** Takes over all that another table knows. */
  become(other: ProducerTable): void {
    this.#entries.clear();
    for (const [id, entry] of other.entries()) this.#entries.set(id, entry);
    this.epochForgotten = other.epochForgotten;
    this.epochMax = other.epochMax;
  }
}
