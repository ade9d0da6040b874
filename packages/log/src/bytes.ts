/** Integers as the log's formats have them: little endian, 64-bit ones as two 32-bit halves, low half first. */

/** `value` must be an integer of 0 to 2^53-1; offsets and times are. */
export function writeU64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** A value above 2^53-1 comes back rounded; whoever reads a file checks with `Number.isSafeInteger`. */
export function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
}

/** Bytes that `writeVarint` takes for an unsigned 31-bit integer: seven bits each, lowest first, 1 to 5. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Returns the position after what it wrote. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  return position;
}

/** Below this, copying byte by byte beats making a view: 54 ns against 75 ns at 32 bytes, 104 against 75 at 64 (Node 20). */
const loopCopyMax = 40;

/** Copies `source[start, end)` to `target` at `at`. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start <= loopCopyMax) for (let from = start, to = at; from < end; from++, to++) target[to] = source[from]!;
  else target.set(source.subarray(start, end), at);
}
