/** An HTTP port as a service. What it answers is its owner's `onRequest`; it bounds connections and slow peers. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import { boundAddress, type ListenAddress, listen } from "@polylog/base/transport";

export interface HttpListenerOptions {
  readonly name: string;
  readonly address: ListenAddress;
  readonly connectionsMax: number;
  readonly clock: Clock;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Without it, upgrades are refused. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export class HttpListener implements Service {
  readonly name: string;
  readonly #options: HttpListenerOptions;
  readonly #server: Server;

  constructor(options: HttpListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#server = createServer({ noDelay: true, keepAlive: true, requestTimeout: 60_000 }, options.onRequest);
    this.#server.maxConnections = options.connectionsMax;
    if (options.onUpgrade !== undefined) this.#server.on("upgrade", options.onUpgrade);
    this.#server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      else socket.destroy();
    });
  }

  /** Where it listens; with port 0 the port it was given. Valid once started. */
  get address(): ListenAddress {
    return boundAddress(this.#server, this.#options.address);
  }

  start(): Promise<void> {
    return listen(this.#server, this.name, this.#options.address);
  }

  /** Requests that are being answered may end; then what is left of the deadline closes the rest. */
  async stop({ deadlineMs = 1000 }: StopOptions = {}): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = this.#options.clock.setTimer(() => this.#server.closeAllConnections(), Math.min(deadlineMs, 1000));
    await closed;
    this.#options.clock.clearTimer(timer);
  }
}
