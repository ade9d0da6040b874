/**
 * A message id is 16 lower-case hex characters of a 64-bit value, and that value is the message's place:
 *
 *     bits 63..52   partition   0..4095        3 characters
 *     bits 51..0    offset      0..2^52 - 1   13 characters
 *
 * So FIN, REQ and TOUCH are arithmetic, not a look-up in a map of strings. To a client it is 16 opaque characters.
 * Hot: integers of at most 32 bits, no BigInt, no string, no allocation (`command-reader.bench.ts`).
 */

import { messageIdSize } from "./limits.ts";

/** Where `readMessageId` puts its result; callers keep one and use it again. */
export interface MessageId {
  /** 0..4095 */
  partition: number;
  /** 0..2^52 - 1 */
  offset: number;
}

const digits = Buffer.from("0123456789abcdef", "latin1");
const notHex = 0xff;
const values = new Uint8Array(256).fill(notHex);
for (let value = 0; value < digits.length; value++) values[digits[value]!] = value;

/** Reads 16 characters at `start` into `out`. False, with `out` untouched, when they are not 16 lower-case hex digits. */
export function readMessageId(bytes: Uint8Array, start: number, out: MessageId): boolean {
  if (start + messageIdSize > bytes.length) return false;
  let seen = 0;
  let high = 0;
  let low = 0;
  for (let i = start; i < start + 8; i++) {
    const value = values[bytes[i]!]!;
    seen |= value;
    high = (high << 4) | value;
  }
  for (let i = start + 8; i < start + messageIdSize; i++) {
    const value = values[bytes[i]!]!;
    seen |= value;
    low = (low << 4) | value;
  }
  if (seen > 0x0f) return false;
  out.partition = high >>> 20;
  out.offset = (high & 0xfffff) * 0x1_0000_0000 + (low >>> 0);
  return true;
}

/** Writes 16 characters at `at` and returns the position behind them. `buffer` must have room. */
export function writeMessageId(buffer: Uint8Array, at: number, partition: number, offset: number): number {
  let high = (partition << 20) | Math.floor(offset / 0x1_0000_0000);
  let low = offset | 0;
  for (let i = at + 7; i >= at; i--) {
    buffer[i] = digits[high & 15]!;
    high >>>= 4;
  }
  for (let i = at + messageIdSize - 1; i >= at + 8; i--) {
    buffer[i] = digits[low & 15]!;
    low >>>= 4;
  }
  return at + messageIdSize;
}
