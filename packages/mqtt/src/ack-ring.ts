/**
 * Answers that a client is owed and that may have to wait: PUBACK and PUBREC until its message is stored, PUBREL and PUBCOMP
 * until that step is. They leave in the order in which they became due [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4],
 * so one that is ready before its elders waits for them.
 *
 *     slot:   ids[i] packet identifier;  kinds[i] first byte, or 0 when nothing is to be sent;  codes[i] reason code;
 *             pending[i] how much it waits for
 *     token:  sequence number modulo 2^30; its low bits are the slot
 *
 * Hot: no object per message; `publish-path.bench.ts` measures it.
 */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Counter } from "@polylog/base/telemetry";
import type { OutputQueue } from "@polylog/base/transport";
import type { DurabilityWaiter } from "@polylog/broker";
import { ackSize } from "@polylog/mqtt-wire";
import { ackWithReasonSize } from "@polylog/mqtt-wire/mqtt5";

/** First bytes of the answers. `none`: it only counts, and nothing is sent. */
export const ackKinds = { none: 0, puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export interface AckRingOwner {
  /** MQTT 5: it can be told what went wrong. */
  readonly isLevel5: boolean;
  /** What the client sent will not be stored, and its version has no word for it. */
  onNotStored(error: PolylogError): void;
  /** `size` has fallen to `watchedSize`, once per setting of it. */
  onAcksSent(): void;
}

const sequenceMask = 2 ** 30 - 1;
const slotsFirst = 16;
const noIds = new Uint16Array(0);
const noBytes = new Uint8Array(0);
const refusalFirst = 0x80;

export class AckRing implements DurabilityWaiter {
  readonly #output: OutputQueue;
  readonly #owner: AckRingOwner;
  /** By packet type. */
  readonly #sent: readonly Counter[];
  // Most clients never have an answer wait, so there is no slot at first.
  #ids = noIds;
  #kinds = noBytes;
  #codes = noBytes;
  #pending = noBytes;
  #slotMask = -1;
  #head = 0;
  #tail = 0;
  #size = 0;
  #closed = false;
  /** The owner hears when `size` has fallen to this; -1: never. */
  watchedSize = -1;
  /** Messages of QoS 1 and 2 from the client that are not finished: what its Receive Maximum limits. */
  receivedCount = 0;

  constructor(output: OutputQueue, owner: AckRingOwner, sent: readonly Counter[]) {
    this.#output = output;
    this.#owner = owner;
    this.#sent = sent;
  }

  /** Answers not sent yet. */
  get size(): number {
    return this.#size;
  }

  /** Adds one that waits for `waits` times `complete`, and returns its token. */
  add(kind: number, packetIdentifier: number, reasonCode = 0, waits = 1): number {
    if (this.#size > this.#slotMask) this.#grow();
    const token = this.#tail;
    const slot = token & this.#slotMask;
    this.#ids[slot] = packetIdentifier;
    this.#kinds[slot] = kind;
    this.#codes[slot] = reasonCode;
    this.#pending[slot] = waits;
    this.#tail = (token + 1) & sequenceMask;
    this.#size++;
    return token;
  }

  /** Adds one that waits for nothing but its elders. */
  answer(kind: number, packetIdentifier: number, reasonCode = 0): void {
    if (this.#closed) return;
    if (this.#size === 0) this.#send(kind, packetIdentifier, reasonCode);
    else this.complete(this.add(kind, packetIdentifier, reasonCode));
  }

  /** One more `complete` is needed for it. */
  hold(token: number): void {
    this.#pending[token & this.#slotMask]!++;
  }

  /** Takes back what was added last. */
  undo(): void {
    this.#tail = (this.#tail - 1) & sequenceMask;
    this.#size--;
  }

  /** Another code than the one it was added with. */
  refuse(token: number, reasonCode: number): void {
    this.#codes[token & this.#slotMask] = reasonCode;
  }

  /** So many things it waits for are done: sends it if these were the last, and those that waited for it. */
  complete(token: number, waits = 1): void {
    if (this.#closed) return;
    const own = token & this.#slotMask;
    const left = this.#pending[own] - waits;
    this.#pending[own] = left;
    if (left > 0) return;
    let slot = this.#head & this.#slotMask;
    while (this.#size > 0 && this.#pending[slot] === 0) {
      this.#head = (this.#head + 1) & sequenceMask;
      this.#size--;
      if (this.#kinds[slot] !== ackKinds.none) this.#send(this.#kinds[slot]!, this.#ids[slot]!, this.#codes[slot]!);
      slot = this.#head & this.#slotMask;
    }
    if (this.#size > this.watchedSize) return;
    this.watchedSize = -1;
    this.#owner.onAcksSent();
  }

  onDurable(token: number, error: PolylogError | undefined): void {
    if (this.#closed) return;
    if (error === undefined) {
      this.complete(token);
      return;
    }
    const kind = this.#kinds[token & this.#slotMask];
    if (this.#owner.isLevel5 && kind === ackKinds.none) {
      this.complete(token);
      return;
    }
    if (!this.#owner.isLevel5 || (kind !== ackKinds.puback && kind !== ackKinds.pubrec)) {
      this.#owner.onNotStored(error);
      return;
    }
    this.refuse(token, refusalCodeOf(error));
    this.complete(token);
  }

  /** Nothing is sent any more; what becomes durable later is the client's to send again. */
  close(): void {
    this.#closed = true;
  }

  #send(kind: number, packetIdentifier: number, reasonCode: number): void {
    if (
      kind === ackKinds.puback ||
      kind === ackKinds.pubcomp ||
      (kind === ackKinds.pubrec && reasonCode >= refusalFirst)
    ) {
      if (this.receivedCount > 0) this.receivedCount--;
    }
    const hasCode = reasonCode !== 0 && this.#owner.isLevel5;
    const size = hasCode ? ackWithReasonSize : ackSize;
    const room = this.#output.reserve(size);
    const at = this.#output.reservedStart;
    room[at] = kind;
    room[at + 1] = size - 2;
    room[at + 2] = packetIdentifier >>> 8;
    room[at + 3] = packetIdentifier;
    if (hasCode) room[at + 4] = reasonCode;
    this.#output.commit(size);
    this.#sent[kind >> 4]!.value++;
  }

  #grow(): void {
    const slots = Math.max(slotsFirst, 2 * (this.#slotMask + 1));
    this.#ids = moved(this.#ids, new Uint16Array(slots), this.#head, this.#size);
    this.#kinds = moved(this.#kinds, new Uint8Array(slots), this.#head, this.#size);
    this.#codes = moved(this.#codes, new Uint8Array(slots), this.#head, this.#size);
    this.#pending = moved(this.#pending, new Uint8Array(slots), this.#head, this.#size);
    this.#slotMask = slots - 1;
  }
}

function moved<Slots extends Uint8Array | Uint16Array>(from: Slots, to: Slots, head: number, size: number): Slots {
  for (let sequence = head; sequence < head + size; sequence++)
    to[sequence & (to.length - 1)] = from[sequence & (from.length - 1)]!;
  return to;
}

const quotaCodes: readonly string[] = [
  "broker.RETAINED_LIMIT",
  "broker.DEFERRED_LIMIT",
  "broker.SESSION_QUEUE_FULL",
  "broker.SESSION_LOG_FULL",
  "broker.LOG_FULL",
  "log.DISK_FULL",
  "log.APPEND_QUEUE_FULL",
];

/** The reason code of a PUBACK or PUBREC for a message that was not stored: 0x97 where room was missing, else 0x83. */
export function refusalCodeOf(error: unknown): number {
  return isCodedError(error) && quotaCodes.includes(error.code) ? 0x97 : 0x83;
}
