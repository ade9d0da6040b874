/**
 * Decimal parameters as nsqd reads them: digits only, no sign; an empty parameter is 0; a number too large for 64
 * bits wraps modulo 2^64. Up to 15 digits are read without allocation, longer ones by way of BigInt.
 */

const digitsExactMax = 15;

/** What `readDecimal` answers for a byte that is no digit. */
export const notDecimal = -1;
/** What `readDecimal` answers for more digits than a number can hold exactly: use `readUint64`. */
export const overlong = -2;

/** The value of the digits in `bytes[start, end)`, `notDecimal` or `overlong`. */
export function readDecimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return notDecimal;
    value = value * 10 + digit;
  }
  return end - start > digitsExactMax ? overlong : value;
}

/** The value of the digits in `bytes[start, end)` modulo 2^64. All of them must be digits. */
export function readUint64(bytes: Buffer, start: number, end: number): bigint {
  return BigInt.asUintN(64, BigInt(bytes.toString("latin1", start, end)));
}

/** `milliseconds` as Go's duration in ns, which wraps to a signed 64-bit integer, as ms again (rounded away from 0). */
export function wrapMilliseconds(milliseconds: bigint): number {
  const wrapped = Number(BigInt.asIntN(64, milliseconds * 1_000_000n)) / 1e6;
  return wrapped < 0 ? Math.floor(wrapped) : Math.ceil(wrapped);
}

/** Largest count of milliseconds whose nanoseconds do not wrap. */
export const wrapFreeMaxMs = 9_223_372_036_854;
