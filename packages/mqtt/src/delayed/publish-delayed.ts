/**
 * A delayed message whose time has come, published as if its client had sent it now: to subscribers, logs that capture the
 * topic, retained messages and the queues of sessions. Whether its client might was checked when it came.
 */

import type { Clock } from "@polylog/base/clock";
import { type Broker, type DurabilityWaiter, decodeHeaders, Publication, type RecordCursor } from "@polylog/broker";
import { DurabilityJoin } from "@polylog/broker/deferred";
import type { SessionStore } from "@polylog/broker/sessions";
import { mqttErrors } from "../errors.ts";
import type { QueueWriter } from "../queue-writer.ts";
import { notePropertiesForLogs } from "../replay/captured-properties.ts";
import type { Session } from "../session.ts";
import { decodeNote, delayedHeader } from "./delayed-route.ts";

export interface DelayedParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly writer: QueueWriter;
  readonly store: SessionStore;
  /** For subscribers that want no message of their own. */
  readonly sessionOf: (clientId: string) => Session | undefined;
}

/** Published, and as durable as its receivers promise: true; otherwise `waiter` hears. Throws what `Broker.publish` throws. */
export function publishDelayed(
  parts: DelayedParts,
  record: RecordCursor,
  waiter: DurabilityWaiter,
  token: number,
): boolean {
  const { broker, writer, store } = parts;
  const publication = publicationOf(parts, record);
  const join = new DurabilityJoin(waiter, token);
  try {
    join.add();
    if (broker.publish(publication, join, 0)) join.onDurable(0, undefined);
    if (writer.isPending) {
      writer.store(undefined, 0);
      join.add();
      if (store.wait(join, 0)) join.onDurable(0, undefined);
    }
  } catch (error) {
    writer.discard();
    throw error;
  }
  return join.close();
}

function publicationOf({ broker, clock, sessionOf }: DelayedParts, record: RecordCursor): Publication {
  const { bytes, topicStart, topicEnd, valueStart, valueEnd } = record;
  const note = decodeHeaders(record).find(([name]) => name === delayedHeader);
  const message = note && decodeNote(note[1]);
  if (message === undefined) throw mqttErrors.DELAYED_DAMAGED({ offset: record.offset });
  const publication = new Publication(); // Not a shared one: it is published while others are.
  publication.begin(broker.router.resolve(bytes, topicStart, topicEnd));
  // Outputs lend payloads until they are sent, and the record lends its bytes until this call returns.
  publication.payload = record.borrowed ? Buffer.from(bytes.subarray(valueStart, valueEnd)) : bytes;
  publication.payloadStart = record.borrowed ? 0 : valueStart;
  publication.payloadEnd = record.borrowed ? valueEnd - valueStart : valueEnd;
  publication.qos = message.qos;
  publication.retain = message.retain;
  publication.publisher = sessionOf(message.clientId);
  publication.properties = message.properties;
  publication.propertiesEnd = message.properties.length;
  notePropertiesForLogs(publication);
  if (message.expirySeconds >= 0) {
    publication.expirySeconds = message.expirySeconds;
    publication.expiresMs = clock.nowMs() + 1000 * message.expirySeconds;
  }
  return publication;
}
