/**
 * What one session replays: a follower per `$replay/` subscription, asked in turn when there is room for one more message. A
 * message is taken out of the log when the session's outbox has it, or it was sent at QoS 0, so that position and queue of a
 * session which outlives its connection fit together.
 */

import type { Subscription } from "@polylog/broker";
import type { LogFollower } from "@polylog/broker/replay";
import { copiedSizeMax } from "../limits.ts";
import type { OutgoingMessage } from "../outgoing-message.ts";
import { propertiesOfPartition, propertiesOfRecord } from "./captured-properties.ts";

export interface Replay {
  readonly follower: LogFollower;
  readonly subscription: Subscription;
  readonly log: string;
  /** Of records that were not published to a topic. */
  readonly topic: Uint8Array;
  /** Properties that all records of a partition have, by its number; filled in as they are needed. */
  readonly common: Buffer[];
  /** False: its SUBSCRIBE is not answered yet. */
  isAnswered: boolean;
}

/** Where a subscription goes on, by its filter; see `LogFollower.positions`. */
export type ReplayPositions = readonly (number | null)[];

export class ReplayBacklog {
  /** Those that have begun or are about to. */
  readonly filters = new Set<string>();
  readonly #replays = new Map<string, Replay>();
  /** The one whose turn it is comes first. */
  #order: Replay[] = [];

  get size(): number {
    return this.filters.size;
  }

  /** Subscribing to the same filter again starts over. */
  add(filter: string, replay: Replay): void {
    this.remove(filter);
    this.filters.add(filter);
    this.#replays.set(filter, replay);
    this.#order = [...this.#replays.values()];
  }

  /** Its SUBSCRIBE is answered. */
  answered(filter: string): void {
    const replay = this.#replays.get(filter);
    if (replay !== undefined) replay.isAnswered = true;
  }

  remove(filter: string): void {
    this.filters.delete(filter);
    const replay = this.#replays.get(filter);
    if (replay === undefined) return;
    replay.follower.close();
    this.#replays.delete(filter);
    this.#order = [...this.#replays.values()];
  }

  /** The client has gone for a while. */
  release(): void {
    for (const { follower } of this.#order) follower.release();
  }

  /** Fills `outgoing` with the next message and says which replay it is of; undefined: there is none now. */
  next(outgoing: OutgoingMessage): Replay | "searching" | undefined {
    let isSearching = false;
    for (let i = 0; i < this.#order.length; i++) {
      const replay = this.#order[0]!;
      const outcome = replay.isAnswered ? replay.follower.find() : "none";
      if (outcome === "there") {
        fill(outgoing, replay);
        return replay;
      }
      if (outcome === "searching") isSearching = true;
      this.#order.push(this.#order.shift()!);
    }
    return isSearching ? "searching" : undefined;
  }

  positions(): [filter: string, ...positions: (number | null)[]][] {
    return [...this.#replays].map(([filter, { follower }]) => [
      filter,
      ...follower.positions.map((each) => each ?? null),
    ]);
  }

  takeMoved(): boolean {
    let moved = false;
    for (const { follower } of this.#order) moved = follower.takeMoved() || moved;
    return moved;
  }
}

function fill(outgoing: OutgoingMessage, { follower, subscription, log, topic, common }: Replay): void {
  const { record, partition } = follower;
  common[partition] ??= propertiesOfPartition(log, partition);
  const { bytes, topicStart, topicEnd } = record;
  outgoing.qos = subscription.qos;
  outgoing.dup = false;
  outgoing.retain = false;
  outgoing.packetIdentifier = 0;
  outgoing.topic = topicStart < 0 ? topic : bytes.subarray(topicStart, topicEnd);
  outgoing.properties = propertiesOfRecord(record, common[partition]);
  outgoing.propertiesStart = 0;
  outgoing.propertiesEnd = outgoing.properties.length;
  const size = record.valueEnd - record.valueStart;
  // A large payload is lent to the output, and memory that was borrowed is soon read into again.
  const isOwn = record.borrowed && size > copiedSizeMax;
  outgoing.payload = isOwn ? Buffer.from(bytes.subarray(record.valueStart, record.valueEnd)) : bytes;
  outgoing.payloadStart = isOwn ? 0 : record.valueStart;
  outgoing.payloadEnd = outgoing.payloadStart + size;
  outgoing.expiresMs = record.expiresMs;
  outgoing.identifiers = subscription.identifiers;
}
