/**
 * What every message carries at the beginning of its payload, so that whoever receives it knows when it was due, when it
 * was sent, and whether anything is missing. Little endian.
 *
 *     0   u64   when it was sent, in nanoseconds since 1970, as mqtt-bench has it
 *     8   u32   the run's tag: messages of another run are foreign
 *     12  u32   sender, from 0
 *     16  u32   sequence of the sender, from 0: lower 32 bits
 *     20  u16   … and upper 16 bits
 *     22  u8    1: due in the measured time, 0: in the warm-up
 *     23  u8    0
 *     24  u32   how late it was sent, in microseconds; at most 2^32-1
 *     28  u32   checksum of bytes 0..27, of the payload's length, and of its bytes 32..255
 *
 * A payload shorter than that, at least 8 bytes, carries only the first field: what arrives is counted, and nothing else is
 * known of it.
 *
 * Both times are of the host's monotonic clock; a constant of the run turns them into times since 1970 and back, so a clock
 * that is set in between changes nothing. The 64 bits are written and read in halves of 32: every sum stays exact.
 *
 * Hot: once per message sent and once per message received; `receive-path.bench.ts` shows the cost.
 */

import { checkedPayloadSizeMax } from "../limits.ts";

export const stampSize = 32;
/** Bytes of a payload that holds no more than the time. */
export const timestampSize = 8;

const two32 = 4294967296;
const lagUsMax = two32 - 1;

/** What is equal for all messages of a run. */
export interface StampTerms {
  /** 32 bits drawn for the run. */
  readonly runTag: number;
  /** Nanoseconds since 1970 minus those of the monotonic clock. */
  readonly wallOffsetNs: bigint;
}

export class StampWriter {
  readonly #runTag: number;
  readonly #offsetHigh: number;
  readonly #offsetLow: number;
  #high = 0;
  #low = 0;
  #nowNs = 0;

  constructor({ runTag, wallOffsetNs }: StampTerms) {
    this.#runTag = runTag;
    this.#offsetHigh = Number(wallOffsetNs >> 32n);
    this.#offsetLow = Number(wallOffsetNs & 0xffffffffn);
  }

  /** The time that the following stamps say. */
  setNow(nowNs: number): void {
    this.#nowNs = nowNs;
    const high = Math.floor(nowNs / two32);
    const low = nowNs - high * two32 + this.#offsetLow;
    this.#low = low >= two32 ? low - two32 : low;
    this.#high = high + this.#offsetHigh + (low >= two32 ? 1 : 0);
  }

  writeTimestamp(bytes: Uint8Array, at: number): void {
    writeU32(bytes, at, this.#low);
    writeU32(bytes, at + 4, this.#high);
  }

  /** `bodyChecksum`: what `checksumOfBody` gives for the rest of the payload. Room is the caller's care. */
  write(
    bytes: Uint8Array,
    at: number,
    sender: number,
    sequence: number,
    dueNs: number,
    isMeasured: boolean,
    bodyChecksum: number,
  ): void {
    const sequenceHigh = Math.floor(sequence / two32);
    const lag = Math.max(0, Math.min(lagUsMax, Math.round((this.#nowNs - dueNs) / 1000)));
    writeU32(bytes, at, this.#low);
    writeU32(bytes, at + 4, this.#high);
    writeU32(bytes, at + 8, this.#runTag);
    writeU32(bytes, at + 12, sender);
    writeU32(bytes, at + 16, sequence - sequenceHigh * two32);
    writeU32(bytes, at + 20, (sequenceHigh & 0xffff) | (isMeasured ? 0x10000 : 0));
    writeU32(bytes, at + 24, lag);
    writeU32(bytes, at + 28, checksum(bytes, at, at + 28, bodyChecksum));
  }
}

export const stampStates = { fine: 0, foreign: 1, corrupt: 2 } as const;
export type StampState = (typeof stampStates)[keyof typeof stampStates];

/** Reads stamps; its fields are those of the last one that was fine. */
export class StampReader {
  readonly #runTag: number;
  readonly #offsetHigh: number;
  readonly #offsetLow: number;
  sentNs = 0;
  /** To a microsecond. */
  dueNs = 0;
  sender = 0;
  sequence = 0;
  isMeasured = false;

  constructor({ runTag, wallOffsetNs }: StampTerms) {
    this.#runTag = runTag;
    this.#offsetHigh = Number(wallOffsetNs >> 32n);
    this.#offsetLow = Number(wallOffsetNs & 0xffffffffn);
  }

  /** Sets `sentNs` from a payload of at least `timestampSize` bytes. */
  readTimestamp(bytes: Uint8Array, at: number): void {
    const high = readU32(bytes, at + 4) - this.#offsetHigh;
    this.sentNs = high * two32 + (readU32(bytes, at) - this.#offsetLow);
  }

  /** The payload `bytes[start, end)`, of at least `stampSize` bytes. The tag is looked at first: foreign is not corrupt. */
  read(bytes: Uint8Array, start: number, end: number): StampState {
    if (readU32(bytes, start + 8) !== this.#runTag) return stampStates.foreign;
    const body = checksumOfBody(bytes, start, end);
    if (readU32(bytes, start + 28) !== checksum(bytes, start, start + 28, body)) return stampStates.corrupt;
    this.readTimestamp(bytes, start);
    this.sender = readU32(bytes, start + 12);
    const word = readU32(bytes, start + 20);
    this.sequence = (word & 0xffff) * two32 + readU32(bytes, start + 16);
    this.isMeasured = (word & 0x10000) !== 0;
    this.dueNs = this.sentNs - readU32(bytes, start + 24) * 1000;
    return stampStates.fine;
  }
}

/** Of the payload `bytes[start, end)` without its stamp: of its length, and its first bytes. */
export function checksumOfBody(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + checkedPayloadSizeMax);
  const whole = start + stampSize + ((last - start - stampSize) & ~3);
  let hash = checksum(bytes, start + stampSize, whole, end - start);
  for (let at = whole; at < last; at++) hash = mix(hash, bytes[at]);
  return hash;
}

/** Over whole words of four bytes. */
function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let at = start; at < end; at += 4) {
    hash = mix(hash, bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
  }
  return hash >>> 0;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
