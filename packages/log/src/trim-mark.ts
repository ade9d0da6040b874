/**
 * Up to where a partition was trimmed: what tells offsets that were removed on purpose from offsets that are missing. It is
 * the file `trimmed` in the partition's directory, made by the first trim: two slots, the second one at byte 4096. A slot,
 * little endian, u64 as two u32, low half first:
 *
 *     at  size
 *      0   8   magic "PLTRIM01"
 *      8   8   low watermark: no offset below it is kept
 *     16   4   CRC-32 of the log's name in UTF-8
 *     20   2   partition
 *     22  38   0
 *     60   4   CRC-32 of bytes 0 .. 59
 *
 * The intact slot with the higher watermark counts; without one, nothing was ever removed.
 *
 * Why a crash is safe: every trim writes the slot that does not count and syncs it before it removes a file, so a torn write
 * leaves the other slot, and all segments that belong to it. A crash after that leaves files below the watermark, which
 * recovery removes. A watermark is written only when the records below it are synced, so no record that is appended after
 * a crash gets an offset below it. The slots are written in place, in blocks of their own, because a file that takes no new
 * block can be written on a full disk, which is when trimming matters most.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "./bytes.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import { joinPath, type Storage, type StorageFile } from "./storage/storage.ts";

export const trimMarkFileName = "trimmed";

const slotSize = 64;
const slotDistance = 4096;
const crcAt = 60;
const magic = Buffer.from("PLTRIM01", "latin1");

export class TrimMark {
  /** As of the last `read` or `write`. */
  offset = 0;
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #identity: SegmentIdentity;
  /** The slot that counts. */
  #slot = 1;
  /** False for what was only read: the process that wrote it may have died before it was synced. */
  #synced = false;

  constructor(storage: Storage, directory: string, identity: SegmentIdentity) {
    this.#storage = storage;
    this.#directory = directory;
    this.#identity = identity;
  }

  /** `names`: of the files in the directory. Rejects with the system's error when this one cannot be read. */
  async read(names: readonly string[]): Promise<void> {
    if (!names.includes(trimMarkFileName)) return;
    const file = await this.#open("read");
    try {
      for (const slot of [0, 1]) {
        const bytes = Buffer.alloc(slotSize);
        await file.read(bytes, slot * slotDistance);
        const offset = this.#decode(bytes);
        if (offset === undefined || offset < this.offset) continue;
        this.offset = offset;
        this.#slot = slot;
      }
    } finally {
      await file.close();
    }
  }

  /** Resolves when the mark survives the machine. `offset` is not below the one before. */
  async write(offset: number): Promise<void> {
    if (this.#synced && offset === this.offset) return;
    const slot = 1 - this.#slot;
    const file = await this.#openToWrite();
    try {
      await writeAll(file, this.#encode(offset), slot * slotDistance);
      await syncFile(file);
    } finally {
      await file.close();
    }
    if (!this.#synced) await this.#storage.syncDirectory(this.#directory);
    this.#synced = true;
    this.offset = offset;
    this.#slot = slot;
  }

  async #openToWrite(): Promise<StorageFile> {
    const names = (await this.#storage.list(this.#directory)) ?? [];
    return this.#open(names.includes(trimMarkFileName) ? "modify" : "create");
  }

  #open(mode: "read" | "modify" | "create"): Promise<StorageFile> {
    return this.#storage.open(joinPath(this.#directory, trimMarkFileName), mode);
  }

  #encode(offset: number): Buffer {
    const bytes = Buffer.alloc(slotSize);
    magic.copy(bytes);
    writeU64(bytes, 8, offset);
    bytes.writeUInt32LE(crc32(Buffer.from(this.#identity.log)), 16);
    bytes.writeUInt16LE(this.#identity.partition, 20);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
    return bytes;
  }

  /** Undefined when it is no intact slot of this partition. */
  #decode(bytes: Buffer): number | undefined {
    if (bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0) return undefined;
    if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt)) return undefined;
    const { log, partition } = this.#identity;
    const isOurs = bytes.readUInt32LE(16) === crc32(Buffer.from(log)) && bytes.readUInt16LE(20) === partition;
    return isOurs ? readU64(bytes, 8) : undefined;
  }
}
