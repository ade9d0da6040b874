/**
 * Two streams in memory, the ends of one connection: how a bridge is a client of the server it lives in. What one end writes
 * the other reads at once, without a copy; while that one has paused, it waits and counts as `writableLength`.
 */

import { EventEmitter } from "node:events";
import type { ByteStream } from "@polylog/base/transport";

/** Bytes that wait for a paused reader, from which on `write` says that it is enough. */
const highWaterMark = 64 * 1024;

class PairedStream extends EventEmitter implements ByteStream {
  readonly remoteAddress: string;
  peer!: PairedStream;
  #paused = false;
  #ended = false;
  #peerEnded = false;
  #closed = false;
  #emitting = false;
  /** What the peer wrote and this end has not read. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  get writableLength(): number {
    return this.peer.#waitingBytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ended || this.#closed) return false;
    this.peer.#take(bytes);
    return this.writableLength <= highWaterMark;
  }

  #take(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#emitWaiting();
  }

  #emitWaiting(): void {
    if (this.#emitting) return;
    this.#emitting = true;
    const wasFull = this.#waitingBytes > highWaterMark;
    while (!this.#paused && !this.#closed && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift()!;
      this.#waitingBytes -= bytes.length;
      this.emit("data", Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    this.#emitting = false;
    if (this.#closed || this.#waiting.length > 0) return;
    if (wasFull) this.peer.emit("drain");
    if (this.#peerEnded) this.#onPeerEnd();
  }

  #onPeerEnd(): void {
    this.#peerEnded = false;
    this.emit("end");
    if (this.#ended) this.destroy();
  }

  cork(): void {}
  uncork(): void {}

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.peer.#peerEnded = true;
    this.peer.#emitWaiting();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.emit("close");
    this.peer.destroy();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#emitWaiting();
  }
}

/** `name`: where connections say they come from. */
export function streamPair(name: string): readonly [ByteStream, ByteStream] {
  const one = new PairedStream(name);
  const other = new PairedStream(name);
  one.peer = other;
  other.peer = one;
  return [one, other];
}
