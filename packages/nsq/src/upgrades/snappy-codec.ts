/** Snappy on a connection: at once in both directions, so nothing waits here. */

import { SnappyReader, SnappyWriter } from "@polylog/nsq-wire/snappy";
import type { CodecOwner, StreamCodec } from "./stream-codec.ts";

export class SnappyCodec implements StreamCodec {
  readonly pendingSize = 0;
  readonly #owner: CodecOwner;
  readonly #reader = new SnappyReader();
  readonly #writer = new SnappyWriter();
  #failed = false;

  constructor(owner: CodecOwner) {
    this.#owner = owner;
  }

  write(bytes: Uint8Array): void {
    this.#owner.send(this.#writer.encode(bytes));
  }

  read(bytes: Buffer): void {
    if (this.#failed) return;
    try {
      const plain = this.#reader.decode(bytes);
      if (plain.length > 0) this.#owner.receive(plain);
    } catch (error) {
      this.#failed = true;
      this.#owner.fail(error as Error);
    }
  }

  pause(): void {}
  resume(): void {}

  endOutput(done: () => void): void {
    done();
  }

  endInput(): void {
    this.#owner.receivedEnd();
  }

  close(): void {
    this.#failed = true;
  }
}
