/** A `ws` WebSocket, and the stream under it, as a connection needs them. */

import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { TextSocket } from "./rpc-connection.ts";

export class WebTextSocket implements TextSocket {
  readonly #webSocket: WebSocket;
  readonly #stream: Duplex;
  readonly #sizeMark: number;

  constructor(webSocket: WebSocket, stream: Duplex, sizeMark: number) {
    this.#webSocket = webSocket;
    this.#stream = stream;
    this.#sizeMark = sizeMark;
  }

  get pendingBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain && this.pendingBytes > this.#sizeMark;
  }

  send(text: string): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(text);
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
    this.#webSocket.resume(); // The peer's own close frame must be read.
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}
