/** A partition on storage and time that a test owns. */

import { ManualClock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { DiskSpace } from "../disk/disk-space.ts";
import type { Durability, DurabilityWaiter } from "../durability.ts";
import { EmbeddedPartition } from "../embedded-partition.ts";
import type { PartitionOptions } from "../embedded-partition-options.ts";
import { decodeHeaders, RecordCursor } from "../record-cursor.ts";
import { syncFile, writeAll } from "../storage/full-write.ts";
import { MemoryStorage } from "../storage/memory-storage.ts";
import { TailCache } from "../tail-cache.ts";

export const directory = "orders/0";

export interface PartitionRigOptions extends Partial<PartitionOptions> {
  /** The partition knows of its disk: a write without room is tried again. Default false. */
  readonly watchesDisk?: boolean;
}

export class PartitionRig {
  storage: MemoryStorage;
  readonly clock = new ManualClock();
  cache = new TailCache();
  partition: EmbeddedPartition;
  readonly #options: Partial<PartitionOptions>;
  readonly #watchesDisk: boolean;

  constructor({ watchesDisk = false, ...options }: PartitionRigOptions = {}) {
    this.#options = options;
    this.#watchesDisk = watchesDisk;
    this.storage = new MemoryStorage({ simulate: true });
    this.partition = this.build();
  }

  /** A partition on the storage as it is now, with a memory of its own. */
  build(options: Partial<PartitionOptions> = {}): EmbeddedPartition {
    this.cache = new TailCache();
    const { storage, clock } = this;
    const disk = this.#watchesDisk ? { space: new DiskSpace({ storage, clock, floorBytes: 0 }) } : {};
    this.partition = new EmbeddedPartition({
      log: "orders",
      number: 0,
      storage,
      directory,
      clock,
      cache: this.cache,
      ...disk,
      ...this.#options,
      ...options,
    });
    return this.partition;
  }

  async open(): Promise<EmbeddedPartition> {
    await this.partition.open();
    return this.partition;
  }

  /** Opens what is there anew, as after a clean stop. */
  async reopen(options: Partial<PartitionOptions> = {}): Promise<EmbeddedPartition> {
    await this.partition.close();
    this.build(options);
    return this.open();
  }

  /** Opens what a crash leaves. */
  async reopenAfterCrash(seed: number, of: "process" | "power", reorder = false): Promise<EmbeddedPartition> {
    this.storage = this.storage.crash(seed, { of, reorder });
    this.build();
    return this.open();
  }

  /** Appends a value and returns its offset; `turn` writes it. */
  append(value: string): number {
    const bytes = Buffer.from(value);
    return this.partition.appendValue(bytes, 0, bytes.length);
  }

  /** Appends each value in a batch of its own, written. */
  appendEach(...values: string[]): void {
    for (const value of values) {
      this.append(value);
      this.clock.turn();
    }
  }

  segment(baseOffset = 0): Buffer {
    return this.storage.content(segmentPath(baseOffset))!;
  }

  async remove(path: string): Promise<void> {
    await this.storage.removeFile(path);
    await this.storage.syncDirectory(directory);
  }

  /** Puts another content in place of a file's. The partition must be closed. */
  async replace(path: string, content: Buffer): Promise<void> {
    const file = await this.storage.open(path, "replace");
    await writeAll(file, content, 0);
    await syncFile(file);
    await this.storage.syncDirectory(directory);
  }
}

export function segmentPath(baseOffset: number): string {
  return `${directory}/${String(baseOffset).padStart(20, "0")}.log`;
}

export function indexPath(baseOffset: number): string {
  return `${directory}/${String(baseOffset).padStart(20, "0")}.index`;
}

export interface ReadRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
  readonly key: string | undefined;
  readonly topic: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly value: string;
}

/** The record the cursor is on, bytes as latin1. */
export function readRecord(cursor: RecordCursor): ReadRecord {
  const text = (start: number, end: number): string => cursor.bytes.toString("latin1", start, end);
  return {
    offset: cursor.offset,
    timestampMs: cursor.timestampMs,
    notBeforeMs: cursor.notBeforeMs,
    expiresMs: cursor.expiresMs,
    key: cursor.keyStart < 0 ? undefined : text(cursor.keyStart, cursor.keyEnd),
    topic: cursor.topicStart < 0 ? undefined : text(cursor.topicStart, cursor.topicEnd),
    headers: decodeHeaders(cursor).map(([name, value]) => [name, value.toString("latin1")]),
    value: text(cursor.valueStart, cursor.valueEnd),
  };
}

/** All records from `offset` on. */
export async function readAll(partition: EmbeddedPartition, offset = 0, bytesMax = 4096): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  const cursor = new RecordCursor();
  for (let from = offset; ; ) {
    const chunk = await partition.readChunk(from, bytesMax);
    if (chunk === undefined) return records;
    cursor.reset(chunk, from);
    while (cursor.next()) records.push(readRecord(cursor));
    from = chunk.offsetNext;
  }
}

export async function readValues(partition: EmbeddedPartition, offset = 0, bytesMax = 4096): Promise<string[]> {
  return (await readAll(partition, offset, bytesMax)).map((record) => record.value);
}

/** Notes what it was told: tokens that became durable, and errors. */
export class WaiterLog implements DurabilityWaiter {
  readonly durable: number[] = [];
  readonly failed: { token: number; code: string }[] = [];

  onDurable(token: number, error: PolylogError | undefined): void {
    if (error === undefined) this.durable.push(token);
    else this.failed.push({ token, code: error.code });
  }
}

/** Resolves when everything below `endOffset` reached `level`. */
export function durable(partition: EmbeddedPartition, endOffset: number, level: Durability): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDurable = (_token: number, error: PolylogError | undefined): void =>
      error === undefined ? resolve() : reject(error);
    partition.whenDurable(endOffset, level, { onDurable }, 0);
  });
}
