/** Begins and takes up `$replay/` subscriptions of a session. */

import type { Broker, QoS, RecordCursor } from "@polylog/broker";
import { Subscription } from "@polylog/broker";
import { filterMatchesTopic, LogFollower, offsetsOfPosition, type SeekPosition } from "@polylog/broker/replay";
import type { Session } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import type { ReplayPositions } from "./replay-backlog.ts";
import type { ReplayFilter, ReplayStart } from "./replay-filter.ts";

/** Where `from` is in the log, if it can be there. */
export function positionIn(broker: Broker, { log: name, from }: ReplayFilter): SeekPosition | undefined {
  const partitions = broker.catalog.get(name)?.partitions;
  if (partitions === undefined) return undefined;
  if (!("offset" in from)) return from;
  const { offset } = from;
  const number = partitionOf(from, partitions.length);
  const partition = number === undefined ? undefined : partitions[number];
  if (partition === undefined || offset > partition.highWatermark) return undefined;
  return { offset: Math.max(offset, partition.lowWatermark), partition: partition.number }; // What was trimmed is gone.
}

function partitionOf({ partition }: { readonly partition?: number | undefined }, count: number): number | undefined {
  return partition ?? (count === 1 ? 0 : undefined);
}

/** Resolves when it is known where to begin; nothing is sent before `Session.onReplayAnswered`. Rejects when the log cannot be read. */
export async function startReplay(
  parts: SessionParts,
  session: Session,
  filter: string,
  parsed: ReplayFilter,
  position: SeekPosition,
): Promise<void> {
  const log = parts.broker.catalog.require(parsed.log);
  const offsets = await offsetsOfPosition(log, position);
  follow(parts, session, filter, parsed, offsets, false);
}

/** Goes on where the session was. False: there is no such log any more. */
export function resumeReplay(
  parts: SessionParts,
  session: Session,
  filter: string,
  parsed: ReplayFilter,
  positions: ReplayPositions,
): boolean {
  const log = parts.broker.catalog.get(parsed.log);
  if (log === undefined) return false;
  // A log that was made anew under its name may be shorter.
  const offsets = log.partitions.map(({ number, nextOffset }) => {
    const position = positions[number];
    return typeof position === "number" ? Math.min(position, nextOffset) : undefined;
  });
  follow(parts, session, filter, parsed, offsets, true);
  return true;
}

function follow(
  { broker, clock, logger }: SessionParts,
  session: Session,
  filter: string,
  { log: name, topicFilter }: ReplayFilter,
  positions: readonly (number | undefined)[],
  isAnswered: boolean,
): void {
  const subscription = session.subscriptions.get(filter);
  const log = broker.catalog.get(name);
  if (subscription === undefined || log === undefined) return;
  const topic = Buffer.from(name);
  const follower = new LogFollower({
    log,
    clock,
    positions,
    wants: (record) => !isExpired(record, clock.nowMs()) && matches(topicFilter, record, name),
    onMore: () => session.schedulePump(),
    onUnreadable: (partition, offset, error) =>
      logger.error("a record cannot be read; a client gets no more of this partition", {
        ...{ clientId: session.clientId, log: name, partition, offset, error },
      }),
  });
  session.replay(filter, { follower, subscription, log: name, topic, common: [], isAnswered });
}

/** [MQTT-3.3.2-5] */
function isExpired({ expiresMs }: RecordCursor, nowMs: number): boolean {
  return expiresMs > 0 && expiresMs <= nowMs;
}

function matches(filter: string, { bytes, topicStart, topicEnd }: RecordCursor, log: string): boolean {
  return filterMatchesTopic(filter, topicStart < 0 ? log : bytes.toString("utf8", topicStart, topicEnd));
}

/** QoS 2 is not granted: a replayed message may come again after a crash of the server. */
export function replaySubscription(
  session: Session,
  topicFilter: string,
  options: { readonly qos: QoS; readonly identifiers: readonly number[] },
): Subscription {
  return new Subscription(session, topicFilter, { ...options, qos: Math.min(options.qos, 1) as QoS });
}

export type { ReplayStart };
