/**
 * A socket without a network: what a test sends arrives at once, in the test's own turn, and what the server sends is
 * collected. It is a `ByteStream`, so a protocol server cannot tell it from TCP.
 */

import { EventEmitter } from "node:events";
import type { ByteStream } from "@polylog/base/transport";

export class MemoryStream extends EventEmitter implements ByteStream {
  readonly remoteAddress = "memory";
  readonly remotePort: number;
  /** Set it to simulate a peer that does not read: `write` returns false and the bytes count as waiting. */
  stalled = false;
  paused = false;
  /** The server called `end` or `destroy`. */
  closed = false;
  writeCount = 0;
  #sent: Buffer[] = [];
  #waiting: Buffer[] = [];
  #held: Buffer[] = [];
  static #nextPort = 1;

  constructor() {
    super();
    this.remotePort = MemoryStream.#nextPort++;
  }

  get writableLength(): number {
    return this.#waiting.reduce((sum, each) => sum + each.length, 0);
  }

  // --- the test's side -------------------------------------------------------------------------------------------

  /** Sends bytes to the server, unless it has paused reading: then they wait for `resume`. */
  send(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.paused) this.#held.push(Buffer.from(bytes));
    else this.emit("data", Buffer.from(bytes));
  }

  /** Everything the server has sent since the last call. */
  received(): Buffer {
    const all = Buffer.concat(this.#sent);
    this.#sent = [];
    return all;
  }

  /** Lets a stalled stream go on: what waited is sent and `drain` is emitted. */
  unstall(): void {
    this.stalled = false;
    this.#sent.push(...this.#waiting.splice(0));
    this.emit("drain");
  }

  /** The test sends nothing more, and still reads. */
  endInput(): void {
    this.emit("end");
  }

  /** The network fails: the peer is gone without a word. */
  disconnect(error?: Error): void {
    if (error !== undefined) this.emit("error", error);
    this.destroy();
  }

  // --- the server's side -----------------------------------------------------------------------------------------

  write(bytes: Uint8Array): boolean {
    this.writeCount++;
    // Copied, as the kernel would: what the server does with its buffer afterwards must not matter.
    (this.stalled ? this.#waiting : this.#sent).push(Buffer.from(bytes));
    return !this.stalled;
  }

  cork(): void {}
  uncork(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.emit("close");
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    while (!this.paused && this.#held.length > 0) this.emit("data", this.#held.shift());
  }
}
