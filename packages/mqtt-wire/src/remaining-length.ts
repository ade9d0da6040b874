/**
 * The remaining length: how many bytes follow the fixed header, in one to four groups of seven bits, lowest first,
 * with bit 7 set on every byte but the last.
 *
 *     1 byte          0 ..         127
 *     2 bytes       128 ..      16 383
 *     3 bytes    16 384 ..   2 097 151
 *     4 bytes 2 097 152 .. 268 435 455
 *
 * Reading it is part of `FrameReader`; MQTT 3.1.1 does not ask for the shortest form there, writing always uses it.
 */

/** Bytes the remaining length `length` takes, 1 to 4. `length` must be within 0..`remainingLengthMax`. */
export function encodedLengthOfRemainingLength(length: number): number {
  if (length < 1 << 7) return 1;
  if (length < 1 << 14) return 2;
  return length < 1 << 21 ? 3 : 4;
}

/** Writes `length` at `at` and returns the position after it. The caller has made room and checked the range. */
export function writeRemainingLength(buffer: Uint8Array, at: number, length: number): number {
  let rest = length;
  let position = at;
  while (rest > 127) {
    buffer[position++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[position] = rest;
  return position + 1;
}
