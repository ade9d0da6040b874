/**
 * What the state store keeps under a key on disk.
 *
 *     offset  size  field
 *     0       1     version, 1
 *     1       4     CRC-32 (as in zlib), little-endian, of the key's UTF-8 bytes followed by the value
 *     5       …     the value
 *
 * LevelDB as built into classic-level reads its tables without verifying their checksums and hands out a flipped bit
 * as data. The checksum here covers the key as well, so that a value that surfaces under another key is refused too.
 * What a crash leaves half-written never gets this far: LevelDB's journal has checksums of its own.
 */

import { crc32 } from "node:zlib";

const version = 1;
const headerSize = 5;

/** A new buffer; `value` is copied. */
export function encodeStateValue(key: string, value: Uint8Array): Buffer {
  const encoded = Buffer.allocUnsafe(headerSize + value.length);
  encoded[0] = version;
  encoded.writeUInt32LE(crc32(value, crc32(key)), 1);
  encoded.set(value, headerSize);
  return encoded;
}

/** The value, as a view of `encoded`; undefined when it is damaged or of an unknown version. */
export function decodeStateValue(key: string, encoded: Buffer): Buffer | undefined {
  if (encoded.length < headerSize || encoded[0] !== version) return undefined;
  const value = encoded.subarray(headerSize);
  return encoded.readUInt32LE(1) === crc32(value, crc32(key)) ? value : undefined;
}
