/**
 * Memory that segments are read into, used again and again where readers give it back. Memory that is new for every read
 * costs page faults, and a collection of the whole heap for every few dozen megabytes, which everybody waits for.
 */

import { readBufferSize, readBuffersMax } from "./limits.ts";

export class ReadBuffers {
  readonly #free: Buffer[] = [];

  /** Room for `size` bytes, with anything in it. */
  take(size: number): Buffer {
    if (size > readBufferSize || size < readBufferSize / 4) return Buffer.allocUnsafeSlow(size);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(readBufferSize);
  }

  /** Nobody holds any part of it any more. One that is given back twice would be two readers'; the second time is ignored. */
  giveBack(buffer: Buffer): void {
    const isOurs = buffer.length === readBufferSize;
    if (isOurs && this.#free.length < readBuffersMax && !this.#free.includes(buffer)) this.#free.push(buffer);
  }
}
