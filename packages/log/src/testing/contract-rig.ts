/** What the suites of log stores and partitions share. */

import type { ManualClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { settle } from "@polylog/testkit";
import type { LogStore } from "../log-store.ts";
import type { Partition } from "../partition.ts";
import { RecordCursor } from "../record-cursor.ts";

export interface LogStorePlace {
  readonly clock: ManualClock;
  /** A store on what the one before left, not open. Records are refused from `contractPendingBytesMax` waiting bytes on. */
  build(): LogStore | Promise<LogStore>;
}

export const contractPendingBytesMax = 64 * 1024;

/** A store under test, and time that goes on while something is awaited. */
export class ContractRig {
  readonly clock: ManualClock;
  store!: LogStore;
  readonly #place: LogStorePlace;

  constructor(place: LogStorePlace) {
    this.#place = place;
    this.clock = place.clock;
  }

  async open(): Promise<LogStore> {
    this.store = await this.#place.build();
    await this.finish(this.store.open());
    return this.store;
  }

  async reopen(): Promise<LogStore> {
    await this.finish(this.store.close());
    return this.open();
  }

  /** Awaits `work` while turns of the event loop end. */
  async finish<Result>(work: Promise<Result>): Promise<Result> {
    let ended = false;
    void work.catch(() => undefined).finally(() => (ended = true));
    while (!ended) {
      this.clock.turn();
      await settle(1);
    }
    return work;
  }

  /** A log that is there for good. */
  async created(name = "orders", config = {}): Promise<Partition> {
    const log = this.store.create(name, config);
    await this.finish(this.store.whenCreated(name));
    return log.partitions[0]!;
  }
}

export const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

export function put(partition: Partition, value: string): number {
  return partition.append({ value: Buffer.from(value) });
}

/** Values from `offset` on, opened or not, as far as they are written. */
export async function valuesFrom(partition: Partition, offset = partition.lowWatermark): Promise<string[]> {
  const values: string[] = [];
  const cursor = new RecordCursor();
  for (let from = offset; ; ) {
    const chunk = await partition.readChunk(from, 4096);
    if (chunk === undefined) return values;
    cursor.reset(chunk, from);
    while (cursor.next()) values.push(cursor.bytes.toString("latin1", cursor.valueStart, cursor.valueEnd));
    from = chunk.offsetNext;
  }
}

export type ContractTests = Readonly<Record<string, (rig: ContractRig) => Promise<void>>>;
