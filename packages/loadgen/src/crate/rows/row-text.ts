/**
 * The text of a row, byte by byte in one buffer and made a string once: concatenated strings would be trees that the first
 * reader pays for. ASCII only. Its owner makes it large enough.
 *
 * Hot: `row-models.bench.ts` shows its cost.
 */

const digits = Buffer.from("0123456789abcdef");
const zero = 48;
const dash = 45;

export class RowText {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  #length = 0;

  /** `sizeMax`: bytes of the longest row. */
  constructor(sizeMax: number) {
    this.#buffer = Buffer.alloc(sizeMax);
    this.#bytes = this.#buffer;
  }

  put(text: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** A whole number from 0. */
  number(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) size++;
    let at = this.#length + size;
    this.#length = at;
    let rest = value;
    for (let i = 0; i < size; i++) {
      const next = (rest / 10) | 0;
      this.#bytes[--at] = zero + rest - next * 10;
      rest = next;
    }
  }

  /** Of version 4. `a`: 26 bits; `b`, `c`, `d`: 32. */
  uuid(a: number, b: number, c: number, d: number): void {
    const bytes = this.#bytes;
    this.#hex(b >>> 16);
    this.#hex(b & 0xffff);
    bytes[this.#length++] = dash;
    this.#hex(c >>> 16);
    bytes[this.#length++] = dash;
    this.#hex(0x4000 | (a & 0xfff));
    bytes[this.#length++] = dash;
    this.#hex(0x8000 | ((a >>> 12) & 0x3fff));
    bytes[this.#length++] = dash;
    this.#hex(c & 0xffff);
    this.#hex(d >>> 16);
    this.#hex(d & 0xffff);
  }

  /** What was put since the last call. */
  take(): string {
    const text = this.#buffer.toString("latin1", 0, this.#length);
    this.#length = 0;
    return text;
  }

  /** Four digits. */
  #hex(value: number): void {
    const bytes = this.#bytes;
    const at = this.#length;
    bytes[at] = digits[value >>> 12]!;
    bytes[at + 1] = digits[(value >>> 8) & 15]!;
    bytes[at + 2] = digits[(value >>> 4) & 15]!;
    bytes[at + 3] = digits[value & 15]!;
    this.#length = at + 4;
  }
}
