/**
 * A growable buffer written front to back: what encoders write into. Integers are named by width and endianness.
 *
 * Callers that know a frame's size call `reserve(size)` once and then write; every put reserves what it needs, so
 * forgetting to is slower, never wrong. `take()` hands the bytes over and starts a new buffer; `view()` lends them.
 */
export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(capacity = 1024) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for `size` more bytes and returns the position at which they start. */
  reserve(size: number): number {
    const needed = this.length + size;
    if (needed > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    return this.length;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.buffer[at] = value;
    this.length = at + 1;
  }

  u16be(value: number): void {
    const at = this.reserve(2);
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
    this.length = at + 2;
  }

  u32be(value: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32BE(value >>> 0, at);
    this.length = at + 4;
  }

  /** Copies `bytes[start, end)`. */
  bytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const at = this.reserve(end - start);
    if (start === 0 && end === bytes.length) this.buffer.set(bytes, at);
    else this.buffer.set(bytes.subarray(start, end), at);
    this.length = at + (end - start);
  }

  /** Writes `text` as UTF-8 without a length and returns the bytes written. */
  utf8(text: string): number {
    const at = this.reserve(text.length * 3);
    const written = this.buffer.write(text, at, "utf8");
    this.length = at + written;
    return written;
  }

  /** The bytes so far, valid until the next write. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** The bytes so far, as the caller's own; the writer starts afresh. */
  take(): Buffer {
    const taken = Buffer.from(this.view());
    this.length = 0;
    return taken;
  }

  clear(): void {
    this.length = 0;
  }
}
