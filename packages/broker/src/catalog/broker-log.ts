/**
 * A log as the broker sees it: its partitions, the channels that work it off, and the live topic of the same name.
 *
 * Backlog rule (NSQ): a log without channels keeps its records for the first channel to come; a channel created next to
 * others starts at the end. `backlogOffsets` is where the first channel would start.
 *
 * Depth: what channels have not finished can be bounded; `depth-bound.ts`.
 *
 * Retention: what a channel has not finished is needed. Not needed is what waits for a first channel, which may never come;
 * and what an `#ephemeral` channel has, so that somebody who looks on and falls behind does not fill the disk.
 */

import type { Durability, DurabilityWaiter, Log, Partition, Produced, ProducerStamp, RecordFields } from "@polylog/log";
import type { Channel } from "../channels/channel.ts";
import { brokerErrors } from "../errors.ts";
import { stickyBytesMax } from "../limits.ts";
import type { Capture, MessageRoute } from "../publication.ts";
import { depthMax, keptFrom } from "./depth-bound.ts";
import { type PeekVisitor, peekChannel } from "./peek.ts";
import { offsetsOfPosition, type SeekPosition } from "./seek-position.ts";

export class BrokerLog implements Capture {
  readonly name: string;
  readonly log: Log;
  readonly channels = new Map<string, Channel>();
  /** Filters whose messages are appended here. */
  captureFilters: readonly string[] = [];
  /** Nothing flows to any channel while true; appending goes on. */
  paused = false;
  /** Where a first channel starts, per partition; empty: at the first record kept. */
  backlogOffsets: readonly number[] = [];
  /** Of a log of dead letters: up to where each partition was replayed. */
  replayedOffsets: readonly number[] = [];
  /** Records and value bytes appended since the process began. */
  messageCount = 0;
  messageBytes = 0;
  /** Appends that were refused because the log was full. */
  refusedCount = 0;
  /** The MQTT topic of the same name; undefined when the name is no valid topic (`#ephemeral`). */
  readonly topic: string | undefined;
  /** Route of `topic`, kept by the broker while it is current. */
  route: MessageRoute | undefined;
  /** False while its channels are being loaded: then everything counts as needed. */
  loaded = true;
  #nextPartition = 0;
  /** The next record without a key goes here, because that was checked. */
  #checked: Partition | undefined;
  /** Partitions that are watched: the first so many. */
  #watchedCount = 0;

  constructor(log: Log) {
    this.log = log;
    this.name = log.name;
    this.topic = log.ephemeral ? undefined : log.name;
    this.onPartitionsAdded();
  }

  #neededFrom(partition: number): number {
    if (!this.loaded) return 0;
    let needed = Number.POSITIVE_INFINITY;
    for (const channel of this.channels.values())
      if (!channel.ephemeral) needed = Math.min(needed, channel.neededFrom(partition));
    return needed;
  }

  get partitions(): readonly Partition[] {
    return this.log.partitions;
  }

  get durability(): Durability {
    return this.log.config.durability;
  }

  /** The log may have more partitions than before: channels work them off from their start. */
  onPartitionsAdded(): void {
    for (const partition of this.partitions.slice(this.#watchedCount)) {
      partition.watch(this);
      partition.neededFrom = () => this.#neededFrom(partition.number);
      for (const channel of this.channels.values()) channel.addPartition(partition);
    }
    this.#watchedCount = this.partitions.length;
  }

  /** Records that no channel has taken over: what waits for the first channel; 0 when there is one. */
  get depth(): number {
    if (this.channels.size > 0) return 0;
    return this.partitions.reduce((sum, partition, index) => {
      return sum + Math.max(0, partition.nextOffset - this.backlogOffset(index));
    }, 0);
  }

  /** Where a first channel starts in a partition. */
  backlogOffset(partition: number): number {
    const { lowWatermark } = this.partitions[partition]!;
    return Math.max(this.backlogOffsets[partition] ?? 0, lowWatermark, keptFrom(this.log, this.partitions[partition]!));
  }

  /**
   * The offset of each partition that a position means; undefined where it names another one. Rejects as
   * `offsetsOfPosition`.
   */
  offsetsAt(position: SeekPosition): Promise<readonly (number | undefined)[]> {
    return offsetsOfPosition(this, position);
  }

  /** Shows what a channel would deliver next; see `peek.ts`. `nowMs`: the wall clock's. */
  peek(channel: Channel, countMax: number, nowMs: number, visit: PeekVisitor): Promise<void> {
    return peekChannel(this.log, channel, countMax, nowMs, visit);
  }

  /** Called by a partition: records were trimmed. */
  onLowWatermark(partition: Partition): void {
    for (const channel of this.channels.values()) channel.onLowWatermark(partition.number);
  }

  /** Resolves when the log would be found again after a crash; rejects when it cannot be made. */
  async whenSaved(): Promise<void> {
    await Promise.all(this.partitions.map(whenOpen));
  }

  /** Called by a partition: new records can be read. */
  onHighWatermark(): void {
    for (const channel of this.channels.values()) channel.wake();
  }

  /**
   * The partition for the next record without a key: the same until what it was given is written, or is enough for a batch,
   * so that records of one turn make one large batch instead of a small one in each partition.
   */
  nextPartition(): Partition {
    const checked = this.#checked;
    if (checked !== undefined) {
      this.#checked = undefined;
      return checked;
    }
    const partitions = this.log.partitions;
    if (partitions.length === 1) return partitions[0]!;
    const { pendingBytes } = partitions[this.#nextPartition]!;
    if (pendingBytes === 0 || pendingBytes >= stickyBytesMax)
      this.#nextPartition = (this.#nextPartition + 1) % partitions.length;
    return partitions[this.#nextPartition]!;
  }

  /**
   * Throws what the next record without a key would be refused with, but for faults of its own: LOG_FULL, and what
   * `Partition.admit` throws. If it does not throw, the record is to be appended in the same turn.
   */
  check(): void {
    const partition = this.nextPartition();
    this.#admit(partition);
    partition.admit();
    this.#checked = partition;
  }

  /** Appends one value without key, topic or headers. True: acknowledge now; false: `waiter` hears with `token`. */
  appendValue(bytes: Uint8Array, start: number, end: number, waiter: DurabilityWaiter, token: number): boolean {
    const partition = this.nextPartition();
    this.#admit(partition);
    const offset = partition.appendValue(bytes, start, end);
    this.messageCount++;
    this.messageBytes += end - start;
    return this.#acknowledge(partition, offset + 1, waiter, token);
  }

  /** Appends a message that was published to an MQTT topic. */
  appendTopicValue(
    topic: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    waiter: DurabilityWaiter | undefined,
    token: number,
  ): boolean {
    const partition = this.nextPartition();
    this.#admit(partition);
    const offset = partition.appendTopicValue(topic, bytes, start, end);
    this.messageCount++;
    this.messageBytes += end - start;
    return waiter === undefined || this.#acknowledge(partition, offset + 1, waiter, token);
  }

  /** Appends `[u32 BE size][value]*`, `count` values with `gap` other bytes between two of them, in one piece. */
  appendFramed(
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
    waiter: DurabilityWaiter,
    token: number,
    gap: number,
  ): boolean {
    const partition = this.nextPartition();
    this.#admit(partition);
    const offset = partition.appendFramed(bytes, start, end, count, gap);
    this.messageCount += count;
    this.messageBytes += end - start - 4 * count - gap * (count - 1);
    return this.#acknowledge(partition, offset + count, waiter, token);
  }

  /** Appends a record with any of its fields to `partition`. */
  appendRecord(partition: Partition, fields: RecordFields): number {
    this.#admit(partition);
    const offset = partition.append(fields);
    this.messageCount++;
    this.messageBytes += (fields.valueEnd ?? fields.value.length) - (fields.valueStart ?? 0);
    return offset;
  }

  /** Appends the records of one call of a producer with an id, unless they are there already. */
  appendProduced(partition: Partition, stamp: ProducerStamp, records: readonly RecordFields[]): Produced {
    if (this.#isFull(partition)) {
      const known = partition.findProduced(stamp, records.length);
      if (known !== undefined) return known;
      this.#admit(partition);
    }
    const produced = partition.appendProduced(stamp, records);
    if (produced.duplicate) return produced;
    this.messageCount += records.length;
    for (const { value, valueStart, valueEnd } of records)
      this.messageBytes += (valueEnd ?? value.length) - (valueStart ?? 0);
    return produced;
  }

  /** As `appendRecord`, to the partition whose turn it is. True: acknowledge now; false: `waiter` hears with `token`. */
  appendFields(fields: RecordFields, waiter: DurabilityWaiter | undefined, token: number): boolean {
    const partition = this.nextPartition();
    const offset = this.appendRecord(partition, fields);
    return waiter === undefined || this.#acknowledge(partition, offset + 1, waiter, token);
  }

  /** Writes what was appended now, instead of at the end of the turn. */
  flush(): void {
    const partitions = this.log.partitions;
    for (let i = 0; i < partitions.length; i++) partitions[i]!.flush();
  }

  /** Throws LOG_FULL. Hot: most logs have no bound. */
  #admit(partition: Partition): void {
    if (!this.#isFull(partition)) return;
    this.refusedCount++;
    const depth = this.#unfinishedCount(partition);
    throw brokerErrors.LOG_FULL({ log: this.name, partition: partition.number, depth });
  }

  #isFull(partition: Partition): boolean {
    const { depthRecords, depthBytes, whenFull } = this.log.config;
    if ((depthRecords === 0 && depthBytes === 0) || whenFull !== "refuse") return false;
    return this.#unfinishedCount(partition) >= depthMax(this.log, partition);
  }

  /** Of the channel that has most to do, or what waits for a first one. */
  #unfinishedCount({ number, nextOffset }: Partition): number {
    if (this.channels.size === 0) return nextOffset - this.backlogOffset(number);
    let most = 0;
    for (const channel of this.channels.values())
      if (!channel.ephemeral) most = Math.max(most, channel.unfinishedCount(number));
    return most;
  }

  #acknowledge(partition: Partition, endOffset: number, waiter: DurabilityWaiter, token: number): boolean {
    const level = this.log.config.durability;
    if (level === "memory") return true;
    partition.whenDurable(endOffset, level, waiter, token);
    return false;
  }
}

function whenOpen(partition: Partition): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = {
      onHighWatermark(): void {
        if (partition.status === "opening") return;
        partition.unwatch(watcher);
        if (partition.status === "readOnly") reject(partition.error);
        else resolve();
      },
    };
    partition.watch(watcher);
    watcher.onHighWatermark();
  });
}
