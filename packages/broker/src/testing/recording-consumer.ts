/** A consumer that writes down what it gets: `value#attempts@offset`. */

import type { RecordCursor } from "@polylog/log";
import type { ConsumerSink } from "../channels/channel-consumer.ts";

export class RecordingConsumer implements ConsumerSink {
  readonly received: string[] = [];
  readonly offsets: number[] = [];
  closed = false;

  onRecord(record: RecordCursor, _partition: number, attempts: number): void {
    const value = record.bytes.toString("utf8", record.valueStart, record.valueEnd);
    this.received.push(`${value}#${attempts}`);
    this.offsets.push(record.offset);
  }

  onChannelClosed(): void {
    this.closed = true;
  }
}
