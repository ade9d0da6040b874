/** Writing and reading the numbers of a row. Integers are little-endian. */

import { brokerErrors } from "../errors.ts";

export class RowWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(this.#length * 2);
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value, at);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  varint(value: number): void {
    let at = this.#reserve(8);
    const start = at;
    let left = value;
    while (left >= 0x80) {
      this.#bytes[at++] = (left % 128) | 0x80;
      left = Math.floor(left / 128);
    }
    this.#bytes[at++] = left;
    this.#length -= 8 - (at - start);
  }

  /** What was written, as a buffer of its own; the writer starts afresh. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }
}

export class RowReader {
  readonly #key: string;
  readonly #row: Buffer;
  #at = 0;

  constructor(key: string, row: Buffer) {
    this.#key = key;
    this.#row = row;
  }

  get atEnd(): boolean {
    return this.#at >= this.#row.length;
  }

  damaged(): Error {
    return brokerErrors.STATE_DAMAGED({ key: this.#key });
  }

  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#row.length) throw this.damaged();
    return at;
  }

  u8(): number {
    return this.#row[this.#take(1)]!;
  }

  u16(): number {
    return this.#row.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#row.readUInt32LE(this.#take(4));
  }

  f64(): number {
    return this.#row.readDoubleLE(this.#take(8));
  }

  /** An f64 that counts or places something: 0 .. 2^53 - 1. */
  whole(): number {
    const value = this.f64();
    if (!Number.isSafeInteger(value) || value < 0) throw this.damaged();
    return value;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw this.damaged();
  }
}
