/**
 * What the threads of a run tell each other about messages that have arrived: how many of each sender, and which arrival was
 * the first and which the last that a message ought to have. One shared buffer, `n` senders, rings of `r` slots:
 *
 *     0           i32 × n       copies of each message that ought to arrive
 *     4 n         i32 × n       arrivals of each sender, modulo 2^32
 *     8 n         i32 × n × r   per sender: the slot of sequence s is s mod r; only where some message has two copies
 *
 *     slot        bits 0..19    arrivals of the message
 *                 bits 20..31   floor(s / r) mod 4096, one more, so that a slot never used is told apart
 *
 * A message that arrives when its slot belongs to a newer one is neither first nor last: then fewer last arrivals than
 * messages are known, and none is wrong. Senders whose messages ought to arrive more than 2^20 - 1 times have none.
 *
 * Hot: `note` is called for every message that arrives; `receive-path.bench.ts` shows the cost.
 */

import { boardSlotsMax, boardSlotsPerSenderMax } from "../limits.ts";

export const turns = { neither: 0, first: 1, last: 2 } as const;
export type Turn = (typeof turns)[keyof typeof turns];

const countBits = 20;
const countMask = (1 << countBits) - 1;
const generations = 4095;

export class ArrivalBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #copies: Int32Array;
  readonly #arrived: Int32Array;
  readonly #slots: Int32Array;
  readonly #slotCount: number;

  /** `buffer`: of another thread's board. `senders`: how many there are. */
  constructor(buffer: SharedArrayBuffer, senders: number) {
    this.buffer = buffer;
    this.#copies = new Int32Array(buffer, 0, senders);
    this.#arrived = new Int32Array(buffer, 4 * senders, senders);
    this.#slots = new Int32Array(buffer, 8 * senders);
    this.#slotCount = senders === 0 ? 0 : this.#slots.length / senders;
  }

  /** `copies`: by sender, how often each of its messages ought to arrive. */
  static create(copies: readonly number[]): ArrivalBoard {
    const senders = copies.length;
    const isCopied = copies.some((each) => each > 1);
    const room = 2 ** Math.floor(Math.log2(Math.max(2, boardSlotsMax / Math.max(1, senders))));
    const slots = isCopied ? Math.min(boardSlotsPerSenderMax, room) : 0;
    const board = new ArrivalBoard(new SharedArrayBuffer(4 * senders * (2 + slots)), senders);
    board.#copies.set(copies);
    return board;
  }

  /** Notes one arrival, which is no duplicate. */
  note(sender: number, sequence: number): Turn {
    Atomics.add(this.#arrived, sender, 1);
    const copies = this.#copies[sender]!;
    const slotCount = this.#slotCount;
    if (copies < 2 || slotCount === 0 || copies > countMask) return turns.neither;
    const at = sender * slotCount + (sequence % slotCount);
    const generation = (Math.floor(sequence / slotCount) % generations) + 1;
    for (;;) {
      const value = Atomics.load(this.#slots, at);
      const known = value >>> countBits;
      if (known !== generation && isNewer(known, generation)) return turns.neither;
      const count = known === generation ? (value & countMask) + 1 : 1;
      if (Atomics.compareExchange(this.#slots, at, value, (generation << countBits) | count) !== value) continue;
      if (count === 1) return turns.first;
      return count === copies ? turns.last : turns.neither;
    }
  }

  /** Messages under way: sent, and not everywhere yet. What is lost stays in it. `sent`: of this sender until now. */
  underWay(sender: number, sent: number): number {
    const copies = this.#copies[sender]!;
    return copies === 0 ? 0 : ((sent * copies - Atomics.load(this.#arrived, sender)) | 0) / copies;
  }
}

/** Whether `known` comes after `wanted`, both from 1 to 4095 and going round; 0 comes before all. */
function isNewer(known: number, wanted: number): boolean {
  return known !== 0 && (known - wanted + generations) % generations < generations / 2;
}
