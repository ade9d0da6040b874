/**
 * Snappy's framing format, which a connection speaks once snappy was granted: each direction is one stream of chunks.
 *
 *     uint8 type, uint24 length (little-endian), data
 *
 *     0xff        "sNaPpY": begins the stream, and may come again
 *     0x00        uint32 masked CRC-32C of the plain bytes (little-endian), a snappy block of at most 65536 plain bytes
 *     0x01        the same checksum, at most 65536 plain bytes as they are
 *     0x80..0xfe  skipped
 *     0x02..0x7f  refused
 *
 * The reader refuses, with SNAPPY_CORRUPT, lengths above those and blocks that say they hold more before it allocates
 * anything for them, so a hostile peer makes it hold one chunk and what one network chunk unfolds to: 21 times its size at most.
 */

import { crc32c } from "@node-rs/crc32";
import { compressSync, uncompressSync } from "snappy";
import { ChunkWindow } from "./chunk-window.ts";
import { nsqWireErrors } from "./errors.ts";
import { snappyChunkSizeMax, snappyPlainSizeMax } from "./limits.ts";

const chunkTypes = { compressed: 0x00, plain: 0x01, skippable: 0x80, streamStart: 0xff } as const;

/** Type and length; the checksum counts as data. */
const headerSize = 4;
const checksumSize = 4;
const streamStart = Buffer.from([0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]);

/** One direction, outgoing. */
export class SnappyWriter {
  #started = false;

  /** The chunks for `bytes`, in one new buffer; the first call puts the stream's start before them. */
  encode(bytes: Uint8Array): Buffer {
    const parts: Uint8Array[] = this.#started ? [] : [streamStart];
    this.#started = true;
    for (let at = 0; at < bytes.length; at += snappyPlainSizeMax) {
      const plain = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(snappyPlainSizeMax, bytes.length - at));
      const compressed = compressSync(plain);
      // As in Go's writer: less than an eighth saved is not worth the reader's time.
      const isWorth = compressed.length < plain.length - (plain.length >>> 3);
      const data = isWorth ? compressed : plain;
      parts.push(
        chunkHeader(isWorth ? chunkTypes.compressed : chunkTypes.plain, data.length, maskedChecksum(plain)),
        data,
      );
    }
    return Buffer.concat(parts);
  }
}

/** One direction, incoming. */
export class SnappyReader {
  readonly #window = new ChunkWindow();
  #started = false;
  /** Bytes left of a chunk that is skipped. */
  #skipSize = 0;

  /** The plain bytes of the chunks that `bytes` completes; empty when there are none. Throws SNAPPY_CORRUPT, for good. */
  decode(bytes: Buffer): Buffer {
    const window = this.#window;
    const parts: Buffer[] = [];
    window.push(bytes);
    while (this.#skip() && window.ensure(headerSize, headerSize)) {
      const header = window.bytes.readUInt32LE(window.start);
      const type = header & 0xff;
      const size = header >>> 8;
      this.#checkChunk(type, size);
      if (type >= chunkTypes.skippable && type < chunkTypes.streamStart) {
        window.advance(headerSize);
        this.#skipSize = size;
        continue;
      }
      if (!window.ensure(headerSize + size, headerSize + size)) break;
      const data = window.bytes.subarray(window.start + headerSize, window.start + headerSize + size);
      if (type === chunkTypes.streamStart) this.#start(data);
      else parts.push(plainOf(type, data));
      window.advance(headerSize + size);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** True once nothing is left to skip. */
  #skip(): boolean {
    const window = this.#window;
    while (this.#skipSize > 0) {
      if (!window.ensure(1, 1)) return false;
      const size = Math.min(this.#skipSize, window.end - window.start);
      window.advance(size);
      this.#skipSize -= size;
    }
    return true;
  }

  #checkChunk(type: number, size: number): void {
    if (!this.#started && type !== chunkTypes.streamStart)
      throw corrupt("the stream does not begin with its identifier");
    if (type === chunkTypes.streamStart && size !== streamStart.length - headerSize)
      throw corrupt("wrong stream identifier");
    if (type > chunkTypes.plain && type < chunkTypes.skippable) throw corrupt("chunk of a reserved type");
    if (type > chunkTypes.plain) return;
    const sizeMax = type === chunkTypes.plain ? snappyPlainSizeMax : snappyChunkSizeMax;
    if (size < checksumSize || size > checksumSize + sizeMax) throw corrupt("chunk of a length that cannot be");
  }

  #start(identifier: Buffer): void {
    if (streamStart.compare(identifier, 0, identifier.length, headerSize) !== 0)
      throw corrupt("wrong stream identifier");
    this.#started = true;
  }
}

function plainOf(type: number, data: Buffer): Buffer {
  const block = data.subarray(checksumSize);
  const plain = type === chunkTypes.plain ? block : unfold(block);
  if (maskedChecksum(plain) !== data.readUInt32LE(0)) throw corrupt("wrong checksum");
  return plain;
}

function unfold(block: Buffer): Buffer {
  if (plainSizeOf(block) > snappyPlainSizeMax) throw corrupt("block of too many bytes");
  try {
    return uncompressSync(block, { asBuffer: true }) as Buffer;
  } catch (cause) {
    throw nsqWireErrors.SNAPPY_CORRUPT({ reason: "block that cannot be read" }, cause);
  }
}

/** What a block says it holds: a varint at its start, of which three bytes reach beyond the limit. */
function plainSizeOf(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 3; i++) {
    const byte = block[i] ?? 0x80;
    size |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return size;
  }
  return Number.POSITIVE_INFINITY;
}

function chunkHeader(type: number, dataSize: number, checksum: number): Buffer {
  const header = Buffer.allocUnsafe(headerSize + checksumSize);
  header.writeUInt32LE((((checksumSize + dataSize) << 8) | type) >>> 0, 0);
  header.writeUInt32LE(checksum, headerSize);
  return header;
}

function maskedChecksum(plain: Buffer): number {
  const checksum = crc32c(plain);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

function corrupt(reason: string): Error {
  return nsqWireErrors.SNAPPY_CORRUPT({ reason });
}
