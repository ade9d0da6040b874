/**
 * What a session of a `DurableSessionStore` has once something has happened to it: a queue, deliveries in flight, a listener. One
 * that only waits for its client has none of its own. Plain data; `durable-session.ts` says what it means.
 */

import { type BlockArena, EntryQueue } from "./entry-queue.ts";
import type { InFlightEntry } from "./session-rows.ts";
import type { SessionListener } from "./stored-session.ts";

export class SessionActivity {
  readonly queue: EntryQueue;
  inFlight: Map<number, InFlightEntry> | undefined;
  /** Packet identifiers of its client's PUBLISHes without PUBREL, and their messages' numbers. */
  inbound: Map<number, number> | undefined;
  inboundNext = 0;
  inboundBefore = 0;
  queuedBytes = 0;
  inFlightBytes = 0;
  droppedCount = 0;
  /** Entries below this sequence waited when a life of the store ended without `close`; they may have been sent. */
  maybeSentBelow = 0;
  /** For the saver: saved pages, and whether entries of theirs have changed. */
  pagesSavedFrom = 0;
  pagesSavedTo = 0;
  pagesMoved = false;
  /** It is in the store's list of those to be told. */
  isWaking = false;
  listener: SessionListener | undefined;
  /** What was in flight when the listener was attached and was not repeated yet; the one whose turn it is. */
  repeating: Iterator<InFlightEntry> | undefined;
  repeatNext: InFlightEntry | undefined;
  /** The listener was told that there is nothing. */
  isHungry = false;
  isReading = false;
  /** Not above the sequence of the oldest one in flight. */
  oldestSent = 0;

  constructor(arena: BlockArena) {
    this.queue = new EntryQueue(arena);
  }

  get inFlightCount(): number {
    return this.inFlight === undefined ? 0 : this.inFlight.size;
  }

  get queuedCount(): number {
    return this.queue.count + this.inFlightCount;
  }

  /** It says nothing that a new one would not say. */
  get isBlank(): boolean {
    const numbers = this.inboundNext + this.inboundBefore + this.droppedCount + this.maybeSentBelow + this.pagesSavedTo;
    const isCounted = this.queue.next > 0 || this.inFlightCount > 0 || numbers > 0;
    return !isCounted && !this.isWaking && !this.isReading && this.listener === undefined;
  }
}
