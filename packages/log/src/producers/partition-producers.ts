/** What one partition knows of its producers, from opening to closing. Costs nothing where no producer with an id has written. */

import type { Logger } from "@polylog/base/telemetry";
import type { SegmentSet } from "../segment-set.ts";
import type { ProducerStamp } from "./producer-block.ts";
import { recoverProducers, saveProducers } from "./producer-files.ts";
import type { LogPlace } from "./producer-snapshot.ts";
import { ProducerTable } from "./producer-table.ts";

export class PartitionProducers {
  readonly #segments: SegmentSet;
  readonly #logger: Logger;
  readonly #producersMax: number | undefined;
  readonly #table: ProducerTable;

  constructor(segments: SegmentSet, logger: Logger, producersMax: number | undefined) {
    this.#segments = segments;
    this.#logger = logger;
    this.#producersMax = producersMax;
    this.#table = new ProducerTable(segments.identity, producersMax);
  }

  /** Highest epoch that wrote; -1: none did, or the partition is not open. */
  get epochMax(): number {
    return this.#table.epochMax;
  }

  /** As `ProducerTable.find`. */
  find(stamp: ProducerStamp, count: number): number | undefined {
    return this.#table.find(stamp, count);
  }

  /** A call was appended. */
  add(stamp: ProducerStamp, baseOffset: number, count: number): void {
    this.#segments.producers = true;
    this.#table.add(stamp, baseOffset, count);
  }

  /** Takes over what the files say. The segments are recovered. */
  async recover(): Promise<void> {
    const { table, rebuilt } = await recoverProducers(this.#segments, this.#producersMax);
    this.#table.become(table);
    if (!rebuilt) return;
    this.#logger.info("read from the log what its producers wrote last", {
      ...this.#segments.identity,
      producers: table.size,
    });
    const { offsetNext, linkNext } = this.#segments.active!;
    if (linkNext !== undefined) await this.save({ offset: offsetNext, link: linkNext });
  }

  /** Stores it as it is at `place`. What is appended meanwhile is not in it. */
  async save(place: LogPlace): Promise<void> {
    if (this.#segments.producers) await saveProducers(this.#segments, place, this.#table);
  }
}
