/**
 * A WebSocket as a stream of bytes, so that a protocol server cannot tell it from TCP. Messages are binary; where one ends
 * means nothing: packets may share a message or span several [MQTT-6.0.0-2].
 *
 * One `write`, or all that is written between `cork` and `uncork`, is one message. A text message is answered with close
 * code 1003 [MQTT-6.0.0-1]; ws answers one that is too large with 1009.
 */

import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import type { WebSocket } from "ws";
import { pongBacklogMax, webSocketCloseTimeoutMs } from "../limits.ts";

export interface WebSocketPeer {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly certificateName: string | undefined;
}

export class WebSocketStream extends EventEmitter implements ByteStream {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly certificateName: string | undefined;
  readonly #webSocket: WebSocket;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  #corked: Uint8Array[] | undefined;
  #refused = false;
  #closing: Timer | undefined;

  /** `stream`: what lies under the WebSocket, which must answer no pings of its own accord. */
  constructor(webSocket: WebSocket, stream: Duplex, peer: WebSocketPeer, clock: Clock) {
    super();
    this.#webSocket = webSocket;
    this.#stream = stream;
    this.#clock = clock;
    this.remoteAddress = peer.remoteAddress;
    this.remotePort = peer.remotePort;
    this.certificateName = peer.certificateName;
    webSocket.on("message", (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    webSocket.on("ping", (data) => {
      if (webSocket.readyState === webSocket.OPEN && this.writableLength <= pongBacklogMax) webSocket.pong(data);
    });
    webSocket.on("error", (error) => this.emit("error", error));
    webSocket.on("close", () => {
      clock.clearTimer(this.#closing);
      this.emit("close");
    });
    stream.on("drain", () => this.emit("drain"));
  }

  get writableLength(): number {
    return this.#webSocket.bufferedAmount;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#corked !== undefined) this.#corked.push(bytes);
    else if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(bytes);
    return !this.#stream.writableNeedDrain;
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    const corked = this.#corked ?? [];
    this.#corked = undefined;
    if (corked.length > 0) this.write(corked.length === 1 ? corked[0]! : Buffer.concat(corked));
  }

  /** Sends a close frame after what was written; the peer's closes the stream. */
  end(): void {
    this.#webSocket.close(1000);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#refused) return;
    if (isBinary) {
      if (data.length > 0) this.emit("data", data);
      return;
    }
    this.#refused = true;
    this.emit("error", new Error("the peer sent a WebSocket message of text"));
    this.#webSocket.resume(); // Its close frame must be read.
    this.#webSocket.close(1003, "binary messages only");
    this.#closing = this.#clock.setTimer(() => this.destroy(), webSocketCloseTimeoutMs);
  }
}
