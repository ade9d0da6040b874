/**
 * A `ws` WebSocket, and the stream under it, as a connection needs them. A long text leaves in slices of `sendSliceSize`, one in a spare turn of
 * the event loop each, as fragments of one message; what is sent after it waits behind it.
 */

import type { Duplex } from "node:stream";
import type { Clock } from "@polylog/base/clock";
import { RingBuffer } from "@polylog/base/collections";
import type { WebSocket } from "ws";
import { sendSliceSize } from "./limits.ts";
import { type JsonText, textSize } from "./records/json-parts.ts";
import type { TextSocket } from "./rpc-connection.ts";

interface Fragment {
  readonly bytes: string | Buffer;
  /** The last one of its message. */
  readonly fin: boolean;
}

export class WebTextSocket implements TextSocket {
  /** Called when more may be sent, after it had been full. */
  onDrain: () => void = () => undefined;
  readonly #webSocket: WebSocket;
  readonly #stream: Duplex;
  readonly #sizeMark: number;
  readonly #clock: Clock;
  /** What could not be sent at once. */
  readonly #waiting = new RingBuffer<Fragment>();
  #waitingSize = 0;
  #scheduled = false;

  constructor(webSocket: WebSocket, stream: Duplex, sizeMark: number, clock: Clock) {
    this.#webSocket = webSocket;
    this.#stream = stream;
    this.#sizeMark = sizeMark;
    this.#clock = clock;
    stream.on("drain", () => {
      if (this.#waiting.size > 0) this.#schedule();
      else this.onDrain();
    });
  }

  get pendingBytes(): number {
    return this.#webSocket.bufferedAmount + this.#waitingSize;
  }

  get isFull(): boolean {
    return (this.#stream.writableNeedDrain || this.#waiting.size > 0) && this.pendingBytes > this.#sizeMark;
  }

  send(text: JsonText): void {
    if (typeof text === "string" && this.#waiting.size === 0) this.#sendFragment({ bytes: text, fin: true });
    else {
      this.#queue(text);
      if (!this.#scheduled) this.#sendSlice();
    }
  }

  #queue(text: JsonText): void {
    if (typeof text === "string") this.#waiting.push({ bytes: text, fin: true });
    else for (const [index, bytes] of text.entries()) this.#waiting.push({ bytes, fin: index === text.length - 1 });
    this.#waitingSize += textSize(text);
  }

  /** At most `sizeMax`, or one fragment. */
  #sendSlice(sizeMax: number = sendSliceSize): void {
    for (let size = 0; this.#waiting.size > 0 && size < sizeMax; ) {
      const fragment = this.#waiting.shift()!;
      size += fragment.bytes.length;
      this.#waitingSize -= fragment.bytes.length;
      this.#sendFragment(fragment);
    }
    if (this.#waiting.size > 0 && !this.#stream.writableNeedDrain) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.atSpareTurn(() => {
      this.#scheduled = false;
      this.#sendSlice();
      if (this.#waiting.size === 0 && !this.#stream.writableNeedDrain) this.onDrain();
    });
  }

  #sendFragment({ bytes, fin }: Fragment): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(bytes, { binary: false, fin });
  }

  ping(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  cork(): void {
    this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(code: number, reason: string): void {
    this.#sendSlice(Number.POSITIVE_INFINITY);
    this.#webSocket.resume(); // The peer's own close frame must be read.
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}
