/**
 * Messages of QoS 1 a client has published and the server has not acknowledged, oldest first. PUBACKs leave in the order of
 * the PUBLISHes [MQTT-4.6.0-2], so one that is stored before its elders waits for them.
 *
 *     slot:   ids[i] packet identifier, or 0 when nothing is to be sent;  done[i]
 *     token:  sequence number modulo 2^30; its low bits are the slot
 *
 * Hot: no object per message; `publish-path.bench.ts` measures it.
 */

import type { PolylogError } from "@polylog/base/errors";
import type { Counter } from "@polylog/base/telemetry";
import type { OutputQueue } from "@polylog/base/transport";
import type { DurabilityWaiter } from "@polylog/broker";
import { ackSize, writePuback } from "@polylog/mqtt-wire";

export interface PubackRingOwner {
  /** What the client sent will not be stored. */
  onNotStored(error: PolylogError): void;
  /** `size` has fallen to `watchedSize`, once per setting of it. */
  onPubacksSent(): void;
}

const sequenceMask = 2 ** 30 - 1;
const slotsFirst = 16;

export class PubackRing implements DurabilityWaiter {
  readonly #output: OutputQueue;
  readonly #owner: PubackRingOwner;
  readonly #sent: Counter;
  #ids = new Uint16Array(slotsFirst);
  #done = new Uint8Array(slotsFirst);
  #slotMask = slotsFirst - 1;
  #head = 0;
  #tail = 0;
  #size = 0;
  #closed = false;
  /** The owner hears when `size` has fallen to this; -1: never. */
  watchedSize = -1;

  constructor(output: OutputQueue, owner: PubackRingOwner, sent: Counter) {
    this.#output = output;
    this.#owner = owner;
    this.#sent = sent;
  }

  /** Messages not acknowledged yet. */
  get size(): number {
    return this.#size;
  }

  /** Adds one and returns its token. `packetIdentifier` 0: it only counts, and no PUBACK is sent. */
  add(packetIdentifier: number): number {
    if (this.#size > this.#slotMask) this.#grow();
    const token = this.#tail;
    this.#ids[token & this.#slotMask] = packetIdentifier;
    this.#done[token & this.#slotMask] = 0;
    this.#tail = (token + 1) & sequenceMask;
    this.#size++;
    return token;
  }

  /** Takes back what was added last. */
  undo(): void {
    this.#tail = (this.#tail - 1) & sequenceMask;
    this.#size--;
  }

  /** The message is stored: sends its PUBACK, and those that waited for it. */
  complete(token: number): void {
    if (this.#closed) return;
    this.#done[token & this.#slotMask] = 1;
    while (this.#size > 0 && this.#done[this.#head & this.#slotMask] === 1) {
      const packetIdentifier = this.#ids[this.#head & this.#slotMask];
      this.#head = (this.#head + 1) & sequenceMask;
      this.#size--;
      if (packetIdentifier !== 0) this.#send(packetIdentifier);
    }
    if (this.#size > this.watchedSize) return;
    this.watchedSize = -1;
    this.#owner.onPubacksSent();
  }

  onDurable(token: number, error: PolylogError | undefined): void {
    if (this.#closed) return;
    if (error === undefined) this.complete(token);
    else this.#owner.onNotStored(error);
  }

  /** Nothing is sent any more; what becomes durable later is the client's to send again. */
  close(): void {
    this.#closed = true;
  }

  #send(packetIdentifier: number): void {
    const room = this.#output.reserve(ackSize);
    writePuback(room, this.#output.reservedStart, packetIdentifier);
    this.#output.commit(ackSize);
    this.#sent.value++;
  }

  #grow(): void {
    const slots = 2 * (this.#slotMask + 1);
    const ids = new Uint16Array(slots);
    const done = new Uint8Array(slots);
    for (let i = 0; i < this.#size; i++) {
      const sequence = this.#head + i;
      ids[sequence & (slots - 1)] = this.#ids[sequence & this.#slotMask];
      done[sequence & (slots - 1)] = this.#done[sequence & this.#slotMask];
    }
    this.#ids = ids;
    this.#done = done;
    this.#slotMask = slots - 1;
  }
}
