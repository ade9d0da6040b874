/**
 * The bytes of a segment's file, decompressed where it is a `.log.lz4`, by a decoder of its own. Written from the header of
 * `packages/log/src/compressed-segment.ts` and the description of the LZ4 block format; it imports nothing from there.
 * Throws wherever the file is not what they say.
 */

import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";

const headerSize = 32;

export function readStoredSegment(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith(".lz4") ? decompress(path, bytes) : bytes;
}

function decompress(path: string, bytes: Buffer): Buffer {
  const header = bytes.subarray(0, headerSize);
  if (header.toString("latin1", 0, 8) !== "PLLZ4-01") throw fault(path, 0, "no magic");
  if (crc32(header.subarray(0, 28)) !== header.readUInt32LE(28)) throw fault(path, 28, "wrong CRC of the header");
  const blockSize = header.readUInt32LE(8);
  const count = header.readUInt32LE(12);
  const segment = Buffer.alloc(Number(header.readBigUInt64LE(16)));
  if (count !== Math.ceil(segment.length / blockSize)) throw fault(path, 12, `${count} blocks`);
  const sizes: number[] = [];
  let at = headerSize;
  for (let index = 0; index < count; index++) {
    const size = bytes.readUInt32LE(at);
    const content = bytes.subarray(at + 8, at + 8 + size);
    const place = Buffer.alloc(8);
    place.writeUInt32LE(index, 0);
    place.writeUInt32LE(size, 4);
    if (crc32(Buffer.concat([place, content])) !== bytes.readUInt32LE(at + 4)) throw fault(path, at, "wrong CRC");
    const target = segment.subarray(index * blockSize, (index + 1) * blockSize);
    if (content.readUInt32LE(0) !== target.length) throw fault(path, at + 8, "not the size it should have");
    if (decodeBlock(content.subarray(4), target) !== target.length) throw fault(path, at, "a block is too short");
    sizes.push(size);
    at += 8 + size;
  }
  checkEnd(path, bytes, at, sizes);
  return segment;
}

function checkEnd(path: string, bytes: Buffer, at: number, sizes: readonly number[]): void {
  const table = bytes.subarray(at, at + sizes.length * 4);
  for (const [index, size] of sizes.entries())
    if (table.readUInt32LE(index * 4) !== size) throw fault(path, at, "the table has another size");
  if (crc32(table) !== bytes.readUInt32LE(at + table.length)) throw fault(path, at, "wrong CRC of the table");
  if (!bytes.subarray(at + table.length + 4).equals(bytes.subarray(0, headerSize)))
    throw fault(path, at, "the end does not repeat the header");
}

/**
 * Sequences of: token (literal size, match size), literals, distance back (u16), match; the last one ends after its
 * literals. A size of 15 goes on in bytes that are added, up to one below 255. Returns the bytes decoded.
 */
function decodeBlock(source: Buffer, target: Buffer): number {
  let [from, to] = [0, 0];
  const sizeFrom = (nibble: number): number => {
    let size = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; size += byte) byte = source[from++]!;
    return size;
  };
  while (from < source.length) {
    const token = source[from++]!;
    const literals = sizeFrom(token >> 4);
    to += source.copy(target, to, from, from + literals);
    from += literals;
    if (from >= source.length) break;
    const distance = source.readUInt16LE(from);
    from += 2;
    if (distance === 0 || distance > to) throw new RangeError(`a match ${distance} bytes back at ${to}`);
    for (let left = sizeFrom(token & 15) + 4; left > 0; left--, to++) target[to] = target[to - distance]!;
  }
  return to;
}

function fault(path: string, position: number, what: string): Error {
  return new Error(`${path} at byte ${position}: ${what}`);
}
