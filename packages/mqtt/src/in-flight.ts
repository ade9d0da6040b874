/**
 * What was sent to a client at QoS 1 and not acknowledged yet, by packet identifier and in the order of sending.
 *
 * Identifiers are 1..65,535 and each belongs to one message at a time [MQTT-2.3.1-4]; `inFlightMax` keeps most of them
 * free, so that the next one is found at once. A session that ends with its connection keeps identifiers only: it
 * never sends anything twice.
 */

import { packetIdentifierMax } from "@polylog/mqtt-wire";
import type { KeptBytes } from "./message-queue.ts";

export class InFlight {
  readonly #kept: KeptBytes;
  readonly #messages = new Map<number, Buffer | undefined>();
  #lastIdentifier = 0;
  #bytes = 0;

  constructor(kept: KeptBytes) {
    this.#kept = kept;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** Bytes of the messages kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the packet identifier to send it with. `message`: undefined when it is not to be kept. */
  add(message: Buffer | undefined): number {
    let identifier = this.#lastIdentifier;
    do identifier = identifier === packetIdentifierMax ? 1 : identifier + 1;
    while (this.#messages.has(identifier));
    this.#lastIdentifier = identifier;
    this.#messages.set(identifier, message);
    if (message !== undefined) {
      this.#bytes += message.length;
      this.#kept.total += message.length;
    }
    return identifier;
  }

  /** The client has acknowledged it. False when nothing with that identifier is in flight. */
  remove(identifier: number): boolean {
    const message = this.#messages.get(identifier);
    if (message !== undefined) {
      this.#bytes -= message.length;
      this.#kept.total -= message.length;
    }
    return this.#messages.delete(identifier);
  }

  /** Oldest first [MQTT-4.6.0-1]. Goes on correctly when messages are removed between two steps. */
  entries(): MapIterator<[number, Buffer | undefined]> {
    return this.#messages.entries();
  }

  clear(): void {
    this.#messages.clear();
    this.#kept.total -= this.#bytes;
    this.#bytes = 0;
  }
}
