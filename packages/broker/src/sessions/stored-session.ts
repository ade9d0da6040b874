/** One session of a store: what waits for its client, and what came from it. `session-store.ts` tells what is promised. */

import type { DurabilityWaiter } from "@polylog/log";
import type { Delivery } from "./delivery.ts";

/** Packet identifiers there are, 1..65,535 [MQTT-2.2.1-3]. */
export const identifierCount = 65_535;

export function packetIdentifierOf(sequence: number): number {
  return (sequence % identifierCount) + 1;
}

export interface SessionListener {
  /**
   * There may be something for `next` again, after it answered "none" or "reading", or after `attach`. Called at the end of
   * a turn, never inside a call of the store. Must not throw.
   */
  onDeliverable(session: StoredSession): void;
}

/**
 * `message`, `release`: `delivery` is filled in. `reading`: the next message is on its way from the disk. `none`: nothing
 * waits, or the oldest message in flight is so far back that it may have the same packet identifier. After both, `onDeliverable` is called
 * when that changes by itself; a `finish` may change it too.
 */
export type NextOutcome = "message" | "release" | "reading" | "none";

export interface StoredSession {
  readonly clientId: string;
  /** Never used for another session again. */
  readonly number: number;
  /** False after `delete`; whatever is called then does nothing. */
  readonly exists: boolean;
  /** Wall-clock milliseconds; Infinity: never, or not while a client is connected. Saved up to 100 ms late. */
  expiresAtMs: number;

  /** Messages that wait or are in flight. */
  readonly queuedCount: number;
  readonly queuedBytes: number;
  /** Sent or released, and not finished. */
  readonly inFlightCount: number;
  /** Messages that a limit dropped, in all its life. */
  readonly droppedCount: number;

  /**
   * Begins to give out: first what is in flight, in its order (as `repeated`), then what waits. Another listener that was
   * attached hears nothing any more. Whoever wants to empty a session without a client attaches, too.
   */
  attach(listener: SessionListener): void;
  detach(): void;
  /**
   * The next entry. A message that has expired before it was sent for the first time is finished instead; one that was
   * sent is repeated whatever its expiry says [MQTT-4.3.3-7]. How many may be in flight is the caller's business.
   */
  next(delivery: Delivery): NextOutcome;
  /** The entry is done: acknowledged, completed, refused or given up. In any order. False when it is not in flight. */
  finish(sequence: number): boolean;
  /**
   * PUBREC has come: from now on the entry is `release`, and its message is not needed. True: send PUBREL now; false:
   * `waiter` hears with `token`. For an entry that is not in flight, or released already, nothing is written; it is
   * answered as for the last one. Throws what an append does.
   */
  received(sequence: number, waiter: DurabilityWaiter, token: number): boolean;

  /** A PUBLISH of QoS 2 with this identifier came from this client, and no PUBREL since. */
  isReceived(packetIdentifier: number): boolean;
  /** How many messages of QoS 2 came from this client; the next one's number. Goes up by one per `append` with `publisher`. */
  readonly inboundNext: number;
  /** Messages with a lower number came in an earlier life of the store: logs that capture them may not have them. */
  readonly inboundBefore: number;
  /** The number, see above, of the message with this identifier; undefined when `isReceived` is false. */
  inboundNumber(packetIdentifier: number): number | undefined;
  /** PUBREL has come: the identifier is free. True: send PUBCOMP now; false: `waiter` hears. Throws what an append does. */
  release(packetIdentifier: number, waiter: DurabilityWaiter, token: number): boolean;
}
