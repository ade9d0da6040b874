/** One consumer of a channel: a protocol server's connection, with its ready count and what it has in flight. */

import type { RecordCursor } from "@polylog/log";

/** What a protocol server implements to be fed. */
export interface ConsumerSink {
  /**
   * A record to process. `record` stands on it and moves on when this returns: copy what must stay. `attempts` counts
   * deliveries of this record in this channel, this one included. Must not throw.
   */
  onRecord(record: RecordCursor, partition: number, attempts: number): void;
  /** The channel or its log was deleted; nothing more will come. */
  onChannelClosed(): void;
}

export class ChannelConsumer {
  /** Identifies it within its channel as the owner of what it has in flight. */
  readonly id: number;
  readonly sink: ConsumerSink;
  /** How long it may take over a record before another gets it, in milliseconds. */
  timeoutMs: number;
  /** How long `touch` can put that off, counted from delivery, in milliseconds. */
  lifetimeMs: number;
  /** The most it wants in flight: RDY. */
  readyCount = 0;
  inFlightCount = 0;
  deliveredCount = 0;
  finishedCount = 0;
  requeuedCount = 0;
  /** Its place among the consumers that can take a record now; -1 when it cannot. Kept by the channel. */
  availableIndex = -1;

  constructor(id: number, sink: ConsumerSink, timeoutMs: number, lifetimeMs: number) {
    this.id = id;
    this.sink = sink;
    this.timeoutMs = timeoutMs;
    this.lifetimeMs = lifetimeMs;
  }
}
