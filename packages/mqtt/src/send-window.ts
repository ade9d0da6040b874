/**
 * What was sent to a client at QoS 1 and 2 and not finished yet, for a session that sends nothing twice: one byte each.
 *
 *     sequence   head ....... tail        identifier = sequence modulo 65,535, plus 1 [MQTT-2.2.1-4]
 *     state      in a ring that grows to the span between the two
 *
 * Identifiers are given out in order; one that is not answered holds up none of the others until 65,534 follow it.
 * Hot: no object per message; `publish-path.bench.ts` measures it.
 */

import { packetIdentifierMax } from "@polylog/mqtt-wire";

/** Of a message: not in flight; sent at QoS 1; sent at QoS 2; PUBREC has come. */
export const sendStates = { none: 0, qos1: 1, qos2: 2, released: 3 } as const;

const slotsFirst = 16;
const noStates = new Uint8Array(0);

export class SendWindow {
  #states = noStates;
  #slotMask = -1;
  #head = 0;
  #tail = 0;
  #size = 0;

  /** Messages in flight. */
  get size(): number {
    return this.#size;
  }

  /** False when all identifiers up to the oldest message's are taken. */
  get hasIdentifier(): boolean {
    return this.#tail - this.#head < packetIdentifierMax;
  }

  /** Returns the packet identifier to send it with; `hasIdentifier` must be true. */
  add(qos: 1 | 2): number {
    const sequence = this.#tail;
    if (sequence - this.#head > this.#slotMask) this.#grow();
    this.#states[sequence & this.#slotMask] = qos;
    this.#tail = sequence + 1;
    this.#size++;
    return (sequence % packetIdentifierMax) + 1;
  }

  /** One of `sendStates`. */
  stateOf(identifier: number): number {
    const sequence = this.#sequenceOf(identifier);
    return sequence < 0 ? sendStates.none : this.#states[sequence & this.#slotMask]!;
  }

  /** PUBREC has come: `identifier` is at QoS 2 and in flight. */
  release(identifier: number): void {
    this.#states[this.#sequenceOf(identifier) & this.#slotMask] = sendStates.released;
  }

  /** Ends a message that is in flight. */
  finish(identifier: number): void {
    this.#states[this.#sequenceOf(identifier) & this.#slotMask] = sendStates.none;
    this.#size--;
    while (this.#head < this.#tail && this.#states[this.#head & this.#slotMask] === sendStates.none) this.#head++;
  }

  /** -1 when it was not given out lately. */
  #sequenceOf(identifier: number): number {
    let ahead = identifier - 1 - (this.#head % packetIdentifierMax);
    if (ahead < 0) ahead += packetIdentifierMax;
    return ahead < this.#tail - this.#head ? this.#head + ahead : -1;
  }

  #grow(): void {
    const slots = Math.max(slotsFirst, 2 * (this.#slotMask + 1));
    const states = new Uint8Array(slots);
    for (let sequence = this.#head; sequence < this.#tail; sequence++)
      states[sequence & (slots - 1)] = this.#states[sequence & this.#slotMask]!;
    this.#states = states;
    this.#slotMask = slots - 1;
  }
}
