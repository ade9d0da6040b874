/**
 * JSON text as the bytes that are sent, made piece by piece. A text of megabytes as one string costs its reader nine times as
 * much (3.8 ms instead of 0.4 for 1 MiB as base64; `record-text.bench.ts`), and V8 gives memory of that size back to
 * the system at once, which stops every thread of the process.
 */

/** Text on its way: short ones as they are, long ones as UTF-8 in parts. */
export type JsonText = string | readonly Buffer[];

const partSizeMin = 4 * 1024;
const partSizeMax = 64 * 1024;
/** Short texts are put together up to here before they are turned into bytes. */
const textLengthMax = 8 * 1024;
/** Bytes made base64 at a time; a multiple of 3. */
const base64SizeMax = 24 * 1024;

export class JsonParts {
  #parts: Buffer[] = [];
  #part = Buffer.alloc(0);
  #at = 0;
  #text = "";
  #partSize = partSizeMin;

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= textLengthMax) this.#flushText();
  }

  addBase64(bytes: Buffer, start: number, end: number): void {
    this.#flushText();
    for (let at = start; at < end; at += base64SizeMax) {
      const text = bytes.toString("base64", at, Math.min(end, at + base64SizeMax));
      this.#reserve(text.length);
      this.#at += this.#part.write(text, this.#at, "latin1");
    }
  }

  take(): Buffer[] {
    this.#flushText();
    this.#closePart();
    return this.#parts;
  }

  #flushText(): void {
    const text = this.#text;
    if (text.length === 0) return;
    this.#text = "";
    // Three bytes at most for each UTF-16 unit.
    this.#reserve(text.length * 3 <= partSizeMax ? text.length * 3 : Buffer.byteLength(text));
    this.#at += this.#part.write(text, this.#at, "utf8");
  }

  #reserve(size: number): void {
    if (this.#part.length - this.#at >= size) return;
    this.#closePart();
    this.#part = Buffer.allocUnsafeSlow(Math.max(size, this.#partSize));
    this.#partSize = Math.min(partSizeMax, this.#partSize * 2);
  }

  #closePart(): void {
    if (this.#at > 0) this.#parts.push(this.#part.subarray(0, this.#at));
    this.#part = Buffer.alloc(0);
    this.#at = 0;
  }
}

/** Bytes of a text that is in parts; of a short one its characters, which is near enough. */
export function textSize(text: JsonText): number {
  if (typeof text === "string") return text.length;
  let size = 0;
  for (const part of text) size += part.length;
  return size;
}

/** Texts one behind another: a string if all are. */
export function joinTexts(texts: readonly JsonText[]): JsonText {
  if (texts.every((text) => typeof text === "string")) return texts.join("");
  return texts.flatMap((text) => (typeof text === "string" ? Buffer.from(text, "utf8") : text));
}
