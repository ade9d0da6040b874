/** Messages to `$delayed/` that wait, as an administrator sees them. */

import { decodeHeaders, type QoS, type RecordCursor } from "@polylog/broker";
import type { DeferredQueue } from "@polylog/broker/deferred";
import { topicMatches } from "@polylog/mqtt-wire";
import { decodeNote, delayedHeader } from "./delayed-route.ts";

export interface DelayedInfo {
  /** Until it is published, or moved on the disk, which may happen each hour. */
  readonly id: number;
  /** What it is published to. */
  readonly topic: string;
  /** Wall-clock ms; NaN where it does not say it. */
  readonly dueMs: number;
  /** Who sent it; undefined, as the others: its note is damaged. */
  readonly clientId: string | undefined;
  readonly qos: QoS | undefined;
  readonly retain: boolean | undefined;
  /** Bytes of the payload. */
  readonly size: number;
}

export interface DelayedQuestion {
  /** Only those with a larger id; -1: all. */
  readonly after: number;
  /** Only those whose topic matches. */
  readonly filter?: string | undefined;
  /** Only those of this client. */
  readonly clientId?: string | undefined;
}

/** In the order of their ids. */
export async function* listDelayed(
  queue: DeferredQueue,
  { after, filter, clientId }: DelayedQuestion,
): AsyncGenerator<DelayedInfo, void> {
  for await (const { record, dueMs } of queue.waiting(after)) {
    const info = describe(record, dueMs);
    if (clientId !== undefined && info.clientId !== clientId) continue;
    if (filter === undefined || topicMatches(filter, info.topic)) yield info;
  }
}

function describe(record: RecordCursor, dueMs: number): DelayedInfo {
  const { offset: id, bytes, topicStart, topicEnd, valueStart, valueEnd } = record;
  const note = decodeHeaders(record).find(([name]) => name === delayedHeader);
  const { clientId, qos, retain } = (note && decodeNote(note[1])) ?? {};
  const topic = bytes.toString("utf8", topicStart, topicEnd);
  return { id, topic, dueMs, clientId, qos, retain, size: valueEnd - valueStart };
}
