/**
 * Reads segment files with a parser of its own, so that what the log's own code believes about its files is checked by
 * code that does not share its mistakes. Written from the headers of `segment.ts`, `segment-footer.ts`, `batch.ts`,
 * `rich-record.ts`, `producers/producer-block.ts` and `trim-mark.ts` in packages/log/src, which it must follow; it imports
 * nothing from there.
 *
 * Throws wherever a file is not what those headers say: a bad magic, length, CRC, version or attribute, a gap between
 * offsets, a wrong place, a producer that goes on elsewhere than at its next sequence. Offsets may be missing in front, up to
 * the mark of what was trimmed; behind them, and behind batches without a record that say of no producer, a producer may have
 * gone on. Only the newest segment may end in the middle of a batch or of its header, or with zeros: room for more batches,
 * over which one may have been written in part.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { readStoredSegment } from "./stored-segment.ts";

export interface StoredRecord {
  readonly offset: number;
  readonly value: Buffer;
}

const segmentHeaderSize = 96;
/** Sizes of the footers, by magic. */
const footerSizes: Readonly<Record<string, number>> = { PLSEAL01: 128, PLSEAL02: 192 };
const batchHeaderSize = 80;
const rich = 1;
const produced = 2;
const sparse = 4;

/** One partition's directory, read on from where the last reading ended. */
export class StoredLog {
  readonly #directory: string;
  /** The first offset of the segment read last, as its name has it. */
  #segment = "";
  #position = 0;
  /** Name of the file read last. */
  #file = "";
  /** Offset after the last record read. */
  offsetNext = 0;
  /** Bytes after the last whole batch, at the last reading; none where they are zeros. */
  tornBytes = 0;
  /** Zeros behind the last byte that is not, in the newest segment. */
  zeroBytes = 0;
  segmentCount = 0;
  /** Batches of producers with an id, and what each of those wrote last. */
  producedBatches = 0;
  /** Batches may be gone, so a producer may go on at a higher sequence. */
  #mayMiss = false;
  readonly #producers = new Map<string, { epoch: number; sequenceNext: number }>();

  constructor(dataDir: string, log: string, partition = 0) {
    this.#directory = join(dataDir, "logs", log, String(partition));
  }

  /** Where the last whole batch ends, at the last reading; 0 before a segment's header was there. */
  get end(): { readonly path: string; readonly position: number } {
    return { path: join(this.#directory, this.#file), position: this.#position };
  }

  /** What was stored since the last call. */
  readOn(): StoredRecord[] {
    const records: StoredRecord[] = [];
    if (!existsSync(this.#directory)) return records;
    const found = readdirSync(this.#directory).filter((name) => /^\d{20}\.log(\.lz4)?$/.test(name));
    // Where both forms are there, the one that was not compressed counts.
    const names = found.filter((name) => !(name.endsWith(".lz4") && found.includes(name.slice(0, -4)))).sort();
    this.#skipTrimmed(names);
    this.segmentCount = names.length;
    this.tornBytes = 0;
    for (const [index, name] of names.entries()) {
      if (name.slice(0, 20) < this.#segment) continue;
      this.#readSegment(name, index === names.length - 1, records);
    }
    return records;
  }

  /** Goes on after what was trimmed, whether its files are still there or not. */
  #skipTrimmed(names: string[]): void {
    const low = trimmedTo(join(this.#directory, "trimmed"));
    while (names.length > 1 && Number(names[1]!.slice(0, 20)) <= low) names.shift();
    const first = Number(names[0]?.slice(0, 20) ?? 0);
    if (first <= this.offsetNext || first > low) return;
    this.offsetNext = first;
    this.#mayMiss = true;
  }

  #readSegment(name: string, newest: boolean, records: StoredRecord[]): void {
    const bytes = readStoredSegment(join(this.#directory, name));
    this.#file = name;
    if (name.slice(0, 20) !== this.#segment) {
      if (Number(name.slice(0, 20)) !== this.offsetNext) throw fault(name, 0, `expected offset ${this.offsetNext}`);
      if (bytes.length < segmentHeaderSize && newest) return;
      checkSegmentHeader(name, bytes);
      this.#segment = name.slice(0, 20);
      this.#position = segmentHeaderSize;
    }
    if (bytes.length < this.#position) throw fault(name, bytes.length, `it was ${this.#position} bytes before`);
    const dataEnd = newest ? endOfData(bytes) : bytes.length;
    this.zeroBytes = bytes.length - dataEnd;
    while (this.#position < dataEnd) {
      const end = batchEnd(name, bytes, this.#position, dataEnd);
      if (end === undefined) break;
      this.#readBatch(name, bytes.subarray(this.#position, end), records);
      this.#position = end;
    }
    if (isFooter(bytes, this.#position, this.offsetNext)) return;
    this.tornBytes = this.#position < dataEnd ? bytes.length - this.#position : 0;
    if (this.tornBytes > 0 && !newest)
      throw fault(name, this.#position, "a closed segment has no footer behind its last batch");
  }

  #readBatch(name: string, batch: Buffer, records: StoredRecord[]): void {
    const at = this.#position;
    if (!hasCrc(batch)) throw fault(name, at, "wrong CRC");
    if (batch[12] !== 1) throw fault(name, at, `batch version ${batch[12]}`);
    const attributes = batch[13]!;
    if ((attributes & ~(rich | produced | sparse)) !== 0) throw fault(name, at, `batch attributes ${attributes}`);
    const offset = Number(batch.readBigUInt64LE(24));
    if (offset !== this.offsetNext) throw fault(name, at, `offset ${offset} instead of ${this.offsetNext}`);
    const offsetNext = offset + batch.readUInt32LE(20);
    const isSparse = (attributes & sparse) !== 0;
    const payload = (attributes & produced) !== 0 ? this.#readProducer(name, batch) : batchHeaderSize;
    if (isSparse && payload === batchHeaderSize && batch.readUInt32LE(payload) === 0) this.#mayMiss = true;
    let position = payload + (isSparse ? 4 : 0);
    for (let count = batch.readUInt32LE(isSparse ? payload : 20); count > 0; count--) {
      let recordOffset = this.offsetNext;
      if (isSparse) {
        const [distance, end] = varint(batch, position);
        recordOffset = offset + distance;
        position = end;
      }
      if (recordOffset < this.offsetNext || recordOffset >= offsetNext)
        throw fault(name, at, `a record with offset ${recordOffset}`);
      const start = position + 4;
      position = start + batch.readUInt32BE(position);
      if (position > batch.length) throw fault(name, at, "a record reaches beyond its batch");
      const body = batch.subarray(start, position);
      records.push({ offset: recordOffset, value: (attributes & rich) !== 0 ? richValue(body) : body });
      this.offsetNext = recordOffset + 1;
    }
    this.offsetNext = offsetNext;
    if (position !== batch.length) throw fault(name, at, "bytes after the last record of a batch");
  }

  /** Checks that the batch is the producer's next one; returns where its records begin. */
  #readProducer(name: string, batch: Buffer): number {
    const idEnd = batchHeaderSize + 1 + batch[batchHeaderSize]!;
    const id = batch.toString("latin1", batchHeaderSize + 1, idEnd);
    const epoch = Number(batch.readBigUInt64LE(idEnd));
    const sequence = Number(batch.readBigUInt64LE(idEnd + 8));
    const before = this.#producers.get(id) ?? { epoch: -1, sequenceNext: 0 };
    const expected = epoch === before.epoch ? before.sequenceNext : 0;
    if (!/^[.a-zA-Z0-9_-]{1,64}$/.test(id)) throw fault(name, this.#position, "a producer without a good id");
    if (epoch < before.epoch) throw fault(name, this.#position, `${id} has epoch ${epoch} after ${before.epoch}`);
    const isNext = this.#mayMiss ? sequence >= expected : sequence === expected;
    if (!isNext) throw fault(name, this.#position, `${id} has sequence ${sequence}, not ${expected}`);
    this.#producers.set(id, { epoch, sequenceNext: sequence + batch.readUInt32LE(20) });
    this.producedBatches++;
    return idEnd + 16;
  }
}

/** The higher one of the two slots; 0 when there is none. */
function trimmedTo(path: string): number {
  if (!existsSync(path)) return 0;
  const file = readFileSync(path);
  let low = 0;
  for (const slot of [file.subarray(0, 64), file.subarray(4096, 4096 + 64)]) {
    if (slot.length < 64 || slot.toString("latin1", 0, 8) !== "PLTRIM01") continue;
    if (crc32(slot.subarray(0, 60)) === slot.readUInt32LE(60)) low = Math.max(low, Number(slot.readBigUInt64LE(8)));
  }
  return low;
}

function checkSegmentHeader(name: string, bytes: Buffer): void {
  if (bytes.toString("latin1", 0, 8) !== "POLYLOG1") throw fault(name, 0, "no magic");
  if (crc32(bytes.subarray(0, 92)) !== bytes.readUInt32LE(92)) throw fault(name, 0, "wrong CRC of the header");
  if (bytes.readUInt16LE(8) !== 1) throw fault(name, 8, `segment version ${bytes.readUInt16LE(8)}`);
  if (bytes.readBigUInt64LE(16) !== BigInt(name.slice(0, 20))) throw fault(name, 16, "not the offset of its name");
}

/** True when the file ends with an intact footer at `start`, after the batches whose last offset is before `offsetNext`. */
function isFooter(bytes: Buffer, start: number, offsetNext: number): boolean {
  const footer = bytes.subarray(start);
  const size = footerSizes[footer.toString("latin1", 0, 8)];
  return (
    footer.length === size &&
    crc32(footer.subarray(0, size - 4)) === footer.readUInt32LE(size - 4) &&
    Number(footer.readBigUInt64LE(16)) === offsetNext
  );
}

/** Where the batch at `start` ends; undefined when the file ends first, or only zeros follow a part of it. */
function batchEnd(name: string, bytes: Buffer, start: number, dataEnd: number): number | undefined {
  if (bytes.length - start < batchHeaderSize) return undefined;
  if (bytes.toString("latin1", start, start + 8) in footerSizes) return undefined;
  const hasMagic = bytes.toString("latin1", start, start + 4) === "PLB1";
  const end = hasMagic ? start + 8 + bytes.readUInt32LE(start + 4) : start + batchHeaderSize;
  const isWhole = hasMagic && end <= bytes.length && hasCrc(bytes.subarray(start, end));
  if (!isWhole && dataEnd < end) return undefined;
  if (!hasMagic) throw fault(name, start, "no batch magic");
  return end;
}

function hasCrc(batch: Buffer): boolean {
  return crc32(batch.subarray(12)) === batch.readUInt32LE(8);
}

/** Behind the last byte that is not 0. */
function endOfData(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function richValue(body: Buffer): Buffer {
  const attributes = body[0]!;
  let [, position] = varint(body, 1); // The timestamp.
  for (const bit of [1, 2, 4]) {
    if ((attributes & bit) === 0) continue;
    const [size, end] = varint(body, position);
    position = end + size;
  }
  return body.subarray(position + ((attributes & 8) === 0 ? 0 : 8));
}

/** The varint at `start`, and where it ends. */
function varint(bytes: Buffer, start: number): [value: number, end: number] {
  let value = 0;
  for (let position = start, shift = 0; ; shift += 7) {
    const byte = bytes[position++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, position];
  }
}

function fault(name: string, position: number, what: string): Error {
  return new Error(`${name} at byte ${position}: ${what}`);
}
