/**
 * Deflate on a connection: raw DEFLATE in both directions, without a zlib or gzip header. What is written in one turn ends
 * with a sync flush, so the peer can read all of it. It runs in Node's thread pool; what waits for it counts as not sent.
 *
 * A peer's bytes may unfold to a thousand times their size: they are unfolded a piece at a time, and its socket is not
 * read meanwhile.
 */

import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";
import type { CodecOwner, StreamCodec } from "./stream-codec.ts";

const { Z_SYNC_FLUSH } = constants;

export class DeflateCodec implements StreamCodec {
  readonly #deflate: DeflateRaw;
  readonly #inflate: InflateRaw;
  #onOutputEnd: (() => void) | undefined;

  /** `level`: 1 to 9. */
  constructor(owner: CodecOwner, level: number) {
    this.#deflate = createDeflateRaw({ level, flush: Z_SYNC_FLUSH });
    this.#deflate.on("data", (bytes: Buffer) => owner.send(bytes));
    this.#deflate.on("drain", () => owner.drained());
    this.#deflate.on("end", () => this.#onOutputEnd?.());
    this.#deflate.on("error", (error) => owner.fail(error));
    // A stream that is cut, as all of them are in the end, is not an error.
    this.#inflate = createInflateRaw({ finishFlush: Z_SYNC_FLUSH });
    this.#inflate.on("data", (bytes: Buffer) => owner.receive(bytes));
    this.#inflate.on("drain", () => owner.hold(false));
    this.#inflate.on("end", () => owner.receivedEnd());
    this.#inflate.on("error", (error) => owner.fail(error));
    this.#hold = () => owner.hold(true);
  }

  readonly #hold: () => void;

  get pendingSize(): number {
    return this.#deflate.writableLength + this.#deflate.readableLength;
  }

  write(bytes: Uint8Array): void {
    this.#deflate.write(bytes);
  }

  read(bytes: Buffer): void {
    if (this.#inflate.writable && !this.#inflate.write(bytes)) this.#hold();
  }

  pause(): void {
    this.#inflate.pause();
  }

  resume(): void {
    this.#inflate.resume();
  }

  endOutput(done: () => void): void {
    this.#onOutputEnd = done;
    this.#deflate.end();
  }

  endInput(): void {
    this.#inflate.end();
  }

  close(): void {
    this.#deflate.destroy();
    this.#inflate.destroy();
  }
}
