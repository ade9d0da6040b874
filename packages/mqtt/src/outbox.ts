/** What a session sends at QoS 1 and 2 while its client is connected. Two kinds: in memory, and on the session store. */

import type { Publication, Subscription } from "@polylog/broker";
import type { OutgoingMessage } from "./outgoing-message.ts";
import type { WaitingMessage } from "./waiting-message.ts";

/** Whoever sends what waits. */
export interface Pump {
  /** Something waits that `sendNext` could send now. */
  schedulePump(): void;
}

/** A shared subscription, as those see it who send its messages. */
export interface SharedSource {
  /** `$share/name/filter`. */
  readonly filter: string;
  /** A member answered number `sequence` of the queue, or cannot take it at all. */
  onFinished(sequence: number): void;
  /** A member's own queue has it now. */
  onMoved(sequence: number): void;
  /** A message that no member has finished, from one that left. */
  giveBack(message: WaitingMessage): void;
}

export interface Outbox {
  /** Sent and not finished; waiting to be sent. */
  readonly inFlightCount: number;
  readonly queuedCount: number;
  /** A message that is given to it now is sent now. */
  readonly isReady: boolean;
  /** Takes a message that has just been published. */
  deliver(publication: Publication, subscription: Subscription, qos: 1 | 2): void;
  /** Takes a retained message, unless there is no room for it now. */
  offer(message: OutgoingMessage): boolean;
  /**
   * Takes a message from a shared subscription: one just published, or number `sequence` of its queue, which `message`
   * describes. `isReady` is true.
   */
  deliverShared(publication: Publication, subscription: Subscription, qos: 1 | 2, group: SharedSource): void;
  sendShared(message: OutgoingMessage, group: SharedSource, sequence: number): void;
  /** Answers of the client. `reasonCode`: 0 below MQTT 5. */
  onPuback(packetIdentifier: number): void;
  onPubrec(packetIdentifier: number, reasonCode: number): void;
  onPubcomp(packetIdentifier: number): void;
  /** Sends one message that waits. False: none can be sent now. */
  sendNext(): boolean;
  /** The connection is gone. */
  close(): void;
}
