/**
 * What one connection will send: one write per connection and turn of the loop. Hot: a few nanoseconds per message.
 *
 * Bytes come in two ways. `push` lends a range of a buffer that never changes (a slice of the chunk a message arrived
 * in): a range that continues the last one only moves its end, so a flood that is forwarded unchanged becomes one
 * range. `reserve`/`commit` let an encoder write in place into a buffer of the connection's own.
 *
 * What was reserved is used again by whoever comes next, once a socket has taken all of it: memory that is new for every turn
 * costs page faults, and collections of the whole heap.
 *
 * At the end of the turn one range is written as it is; many small ones are copied into one buffer first, because the
 * system call and the stream around it cost more than the copy; many large ones go out as one vectored write.
 */

import type { Clock } from "../clock/index.ts";
import type { ByteStream } from "./byte-stream.ts";

/** Below this mean size ranges are copied together, in bytes. */
const copySizeMax = 4096;
const reservedSizeMin = 256;
const reservedSizeMax = 65_536;
/**
 * A queue that sent this much in its last turn reserves a buffer of the largest size, the one that is used again. Consumers
 * that get 30 KB per turn otherwise have new memory each time, and collections of the whole heap take twice the time:
 * 0.5 and 0.8 ms per 1000 messages instead of 0.9 and 1.5 (`npm run bench -- nsq --rows=pub-through`, Node 20).
 */
const reservedReusedMin = 8192;

/** Buffers of the largest size that are kept for the next messages, of all connections together. */
const sparesMax = 16;

/** Flushes every queue that was written to, once, at the end of the turn, and keeps memory for them. One per server. */
export class TurnFlusher {
  readonly #clock: Clock;
  readonly #spares: Buffer[] = [];
  #dirty: OutputQueue[] = [];
  readonly #flush = () => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const queue of dirty) queue.flush();
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(queue: OutputQueue): void {
    if (this.#dirty.length === 0) this.#clock.atTurnEnd(this.#flush);
    this.#dirty.push(queue);
  }

  takeBuffer(size: number): Buffer {
    return (size === reservedSizeMax ? this.#spares.pop() : undefined) ?? Buffer.allocUnsafe(size);
  }

  /** The operating system has everything that was in it. */
  keepBuffer(buffer: Buffer): void {
    if (buffer.length === reservedSizeMax && this.#spares.length < sparesMax) this.#spares.push(buffer);
  }
}

export class OutputQueue {
  readonly #stream: ByteStream;
  readonly #flusher: TurnFlusher;
  // With room for one range, which is what most turns have: an array that grows from nothing makes room for 17.
  #buffers: Buffer[] = [emptyBuffer];
  #starts: number[] = [0];
  #ends: number[] = [0];
  #count = 0;
  #queuedBytes = 0;
  #reserved: Buffer | undefined;
  #reservedAt = 0;
  /** Those before it, since the last flush. */
  #reservedBefore: Buffer[] = [];
  #reservedSizeNext = reservedSizeMin;
  #closed = false;
  /** Bytes handed to the stream since the connection began. */
  bytesWritten = 0;

  constructor(stream: ByteStream, flusher: TurnFlusher) {
    this.#stream = stream;
    this.#flusher = flusher;
  }

  /** Bytes not yet handed to the operating system. */
  get pendingBytes(): number {
    return this.#queuedBytes + this.#stream.writableLength;
  }

  /** Queues `bytes[start, end)`, which must never change afterwards. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.#closed) return;
    const last = this.#count - 1;
    if (last >= 0 && this.#ends[last] === start && this.#buffers[last] === bytes) {
      this.#ends[last] = end;
    } else {
      if (last < 0) this.#flusher.add(this);
      this.#buffers[this.#count] = bytes;
      this.#starts[this.#count] = start;
      this.#ends[this.#count] = end;
      this.#count++;
    }
    this.#queuedBytes += end - start;
  }

  /** Room for `size` bytes: write them at `reservedStart` of the returned buffer, then `commit(size)`, before anything else. */
  reserve(size: number): Buffer {
    let buffer = this.#reserved;
    if (buffer === undefined || buffer.length - this.#reservedAt < size) {
      const room = Math.max(size, this.#reservedSizeNext);
      if (buffer !== undefined) this.#reservedBefore.push(buffer);
      buffer = this.#flusher.takeBuffer(room);
      this.#reserved = buffer;
      this.#reservedAt = 0;
      this.#reservedSizeNext = Math.min(reservedSizeMax, this.#reservedSizeNext * 2);
    }
    return buffer;
  }

  get reservedStart(): number {
    return this.#reservedAt;
  }

  /** Queues the first `size` bytes of what was reserved. */
  commit(size: number): void {
    const start = this.#reservedAt;
    this.#reservedAt = start + size;
    this.push(this.#reserved!, start, start + size);
  }

  /** Sends what is queued now. The flusher calls it at the end of the turn; `end` needs it earlier. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const total = this.#queuedBytes;
    this.#count = 0;
    this.#queuedBytes = 0;
    const reserved = this.#reserved;
    this.#reserved = undefined; // An idle connection holds no buffer.
    this.#reservedSizeNext = total >= reservedReusedMin ? reservedSizeMax : Math.max(reservedSizeMin, total);
    if (this.#closed) return;
    this.bytesWritten += total;
    // A peer that does not read must not keep the whole chunk alive for the sake of a small range of it.
    if (count === 1 && this.#stream.writableLength === 0) this.#stream.write(this.#range(0));
    else if (total <= count * copySizeMax) this.#stream.write(this.#joined(count, total));
    else this.#writeEach(count);
    // Let the chunks go. By a loop, and a whole buffer is written as it is: 64 ns per push and flush instead of 247.
    for (let i = 0; i < count; i++) this.#buffers[i] = emptyBuffer;
    if (reserved !== undefined) this.#keepReserved(reserved);
    if (count > 1024) this.#shrink();
  }

  #keepReserved(last: Buffer): void {
    const before = this.#reservedBefore;
    if (this.#stream.copiesWritten === true && this.#stream.writableLength === 0) {
      this.#flusher.keepBuffer(last);
      for (let i = 0; i < before.length; i++) this.#flusher.keepBuffer(before[i]!);
    }
    before.length = 0;
  }

  /** Drops what is queued and takes nothing more. */
  close(): void {
    this.#closed = true;
    this.#shrink();
  }

  #range(index: number): Buffer {
    const buffer = this.#buffers[index]!;
    const [start, end] = [this.#starts[index]!, this.#ends[index]!];
    return start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
  }

  #joined(count: number, total: number): Buffer {
    const joined = Buffer.allocUnsafe(total);
    let at = 0;
    for (let i = 0; i < count; i++) at += this.#buffers[i]!.copy(joined, at, this.#starts[i], this.#ends[i]);
    return joined;
  }

  #writeEach(count: number): void {
    this.#stream.cork();
    for (let i = 0; i < count; i++) this.#stream.write(this.#range(i));
    this.#stream.uncork();
  }

  #shrink(): void {
    this.#buffers = [];
    this.#starts = [];
    this.#ends = [];
  }
}

const emptyBuffer = Buffer.alloc(0);
