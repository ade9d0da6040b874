/**
 * The bytes of a stream, one unit (command or frame) at a time, contiguous.
 *
 *     the unit lies in the chunk        bytes = chunk                        nothing is copied
 *                                              ^start ... ^end
 *     the unit is cut by a chunk's end  bytes = a buffer of the unit's own   only this unit's bytes are copied into it,
 *                                              ^start=0 .. ^end              the rest stays in the chunk behind it
 *
 * A caller asks for what it needs next (`ensure`, `pull`), counted from `start`, and says with `advance` where the unit
 * ended. Nothing is allocated for bytes that have not begun to arrive: the unit's buffer is made when the second chunk
 * comes, as large as the capacity asked for, so that a unit of known size is copied once.
 *
 * Buffers are never written again once a unit in them is complete: slices of `bytes` stay valid for as long as the
 * holder likes, provided that the owner of the chunks does not overwrite them.
 */

const nothing = Buffer.alloc(0);

export class ChunkWindow {
  /** The current unit's bytes are `bytes[start, end)`, as far as they have been pulled. */
  bytes: Buffer = nothing;
  start = 0;
  end = 0;
  /** The chunk behind a unit that is being collected; undefined while `bytes` is itself a chunk. */
  #behind: Buffer | undefined;
  #behindAt = 0;
  /** The current unit has been looked at and needs more than all that has arrived. */
  #starved = false;
  #capacity = 0;

  /** Takes the next chunk of the stream, without copying it. */
  push(chunk: Buffer): void {
    if (this.start === this.end && this.#behind === undefined) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
    } else if (this.#starved) {
      if (this.#behind === undefined) this.#move(this.#capacity);
      this.#behind = chunk;
      this.#behindAt = 0;
    } else {
      this.#join(chunk);
    }
    this.#starved = false;
  }

  /**
   * True when the unit's first `size` bytes are here. `capacity` is what the unit is expected to take in all; a buffer
   * for it is made no smaller than `size`.
   */
  ensure(size: number, capacity: number): boolean {
    if (this.end - this.start >= size) return true;
    this.pull(size - (this.end - this.start), capacity);
    if (this.end - this.start >= size) return true;
    this.#starved = true;
    this.#capacity = Math.max(size, capacity);
    return false;
  }

  /** Makes up to `count` more bytes of the stream part of the window and returns how many. */
  pull(count: number, capacity: number): number {
    const behind = this.#behind;
    if (behind === undefined) return 0;
    const pulled = Math.min(count, behind.length - this.#behindAt);
    if (pulled <= 0) return 0;
    if (this.end + pulled > this.bytes.length) this.#move(Math.max(capacity, this.end + pulled));
    behind.copy(this.bytes, this.end, this.#behindAt, this.#behindAt + pulled);
    this.#behindAt += pulled;
    this.end += pulled;
    return pulled;
  }

  /** The unit ended `size` bytes after `start`: the next one begins there. What was pulled beyond is given back. */
  advance(size: number): void {
    this.start += size;
    this.#starved = false;
    if (this.#behind === undefined) return;
    // The unit was incomplete before `behind` came, so all that lies beyond its end came from there.
    this.start = this.#behindAt - (this.end - this.start);
    this.bytes = this.#behind;
    this.end = this.bytes.length;
    this.#behind = undefined;
  }

  /** Forgets everything that has arrived. */
  discard(): void {
    this.bytes = nothing;
    this.start = 0;
    this.end = 0;
    this.#behind = undefined;
    this.#starved = false;
  }

  /** Moves the unit to the front of a buffer of its own. */
  #move(capacity: number): void {
    const size = this.end - this.start;
    const moved = Buffer.allocUnsafeSlow(Math.max(capacity, size));
    this.bytes.copy(moved, 0, this.start, this.end);
    this.bytes = moved;
    this.start = 0;
    this.end = size;
  }

  /** A chunk came although the last one had not been read to its end: one buffer for both. */
  #join(chunk: Buffer): void {
    const parts = [this.bytes.subarray(this.start, this.end)];
    if (this.#behind !== undefined) parts.push(this.#behind.subarray(this.#behindAt));
    parts.push(chunk);
    this.bytes = Buffer.concat(parts);
    this.start = 0;
    this.end = this.bytes.length;
    this.#behind = undefined;
  }
}
