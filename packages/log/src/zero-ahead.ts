/**
 * Zeros behind the last batch of the segment that takes batches. A sync of bytes that were written over zeros, themselves
 * synced before, need not make a new file size durable, which on a journalling file system is most of a small sync:
 * `zero-ahead.bench.ts` compares.
 *
 *     [ header │ batch │ … │ batch │ zeros ]
 *                                  ▲       ▲
 *                                size    zeroEnd, 0 where there are none
 *
 * - They are written only where somebody waits for most syncs and little is written between two: else they would double
 *   the bytes written for nothing. Each step must be earned by `syncsMin` such syncs in no more bytes than a step. They are
 *   written when a sync was answered; the next one makes them durable.
 * - A disk may write the pages of a file in any order. Where a file grows, its size tells how far it came; over zeros
 *   nothing does, and a power cut could leave a batch behind one that is lost, which is damage to recovery. So over zeros
 *   a batch is written only when all in front of it is synced, alone, and is synced at once (`appender.ts`).
 * - That is no way to serve somebody who waits for `written`, records that nobody waits for, or batches that come faster than
 *   one per sync. Then the zeros are cut off, and the next ones cost twice as many syncs; the price falls back once a step
 *   was used up. They are cut off as well before the segment is sealed and when its partition is closed.
 * - A failure to write them harms nothing: they are tried again much later.
 */

import { zeroAheadBehindMax, zeroAheadSize, zeroAheadSyncsMax, zeroAheadSyncsMin, zeroAheadUnit } from "./limits.ts";
import type { Segment } from "./segment.ts";
import { FullWrite, type FullWriteListener } from "./storage/full-write.ts";

export interface ZeroAheadOptions {
  /** Bytes written at a time; 0: none. Default `zeroAheadSize`, which it may not exceed. */
  readonly size?: number;
  /** Default `zeroAheadSyncsMin`. */
  readonly syncsMin?: number;
}

const zeros = Buffer.alloc(zeroAheadSize);

export class ZeroAhead implements FullWriteListener {
  readonly #size: number;
  readonly #syncsMin: number;
  readonly #onFilled: () => void;
  readonly #write: FullWrite = new FullWrite(this);
  #filling = false;
  /** Syncs since the last step, in which the segment grew from `#countedFrom` on. */
  #syncs = 0;
  #countedFrom = 0;
  #syncsWanted: number;
  /** Batches written one after another behind which another one waited already. */
  #behind = 0;

  /** `onFilled` is called when a step is written, or was not to be. */
  constructor(options: ZeroAheadOptions, onFilled: () => void) {
    this.#size = options.size ?? zeroAheadSize;
    this.#syncsMin = options.syncsMin ?? zeroAheadSyncsMin;
    this.#syncsWanted = this.#syncsMin;
    this.#onFilled = onFilled;
  }

  /** Zeros are being written. */
  get filling(): boolean {
    return this.#filling;
  }

  /** Somebody waited for the sync that just ended. */
  countSync(segment: Segment): void {
    const grown = segment.size - this.#countedFrom;
    if (grown < 0 || grown > this.#size) this.#countFrom(segment);
    this.#syncs++;
  }

  #countFrom(segment: Segment): void {
    this.#countedFrom = segment.size;
    this.#syncs = 0;
  }

  /** A batch was written over zeros. */
  countBatch(anotherWaits: boolean): void {
    this.#behind = anotherWaits ? this.#behind + 1 : 0;
  }

  /** More comes than one batch per sync, or more than a step at once. */
  isBehind(waitingBytes: number): boolean {
    return this.#behind >= zeroAheadBehindMax || waitingBytes > this.#size;
  }

  /** Where the next step ends; undefined: there is none to be written. A segment that is full ends at `sizeMax`. */
  stepEnd(segment: Segment, sizeMax: number): number | undefined {
    if (this.#syncs < this.#syncsWanted || segment.zeroEnd - segment.size > this.#size / 4) return undefined;
    const whole = Math.floor((segment.size + this.#size) / zeroAheadUnit) * zeroAheadUnit;
    const end = Math.min(whole, sizeMax);
    return end > Math.max(segment.zeroEnd, segment.size) ? end : undefined;
  }

  /** Writes zeros up to `end`; nothing else may be written until they are. */
  fill(segment: Segment, end: number): void {
    const from = Math.max(segment.zeroEnd, segment.size);
    if (segment.zeroEnd > 0) this.#syncsWanted = this.#syncsMin;
    this.#countFrom(segment);
    this.#behind = 0;
    segment.zeroEnd = end;
    this.#filling = true;
    this.#write.start(segment.file!, [zeros.subarray(0, end - from)], from);
  }

  onAllWritten(error: Error | undefined): void {
    this.#filling = false;
    if (error !== undefined) this.#syncsWanted = zeroAheadSyncsMax;
    this.#onFilled();
  }

  /** They are about to be cut off, because the segment is not written to as they need it. */
  leave(segment: Segment): void {
    this.#countFrom(segment);
    this.#syncsWanted = Math.min(this.#syncsWanted * 2, zeroAheadSyncsMax);
  }
}
