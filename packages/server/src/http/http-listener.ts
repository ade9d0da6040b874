/**
 * An HTTP port, with or without TLS, as a service. What it answers is its owner's `onRequest`; it bounds connections and slow
 * peers. A connection that was upgraded is no longer its own.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { Clock } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import {
  boundAddress,
  clientAuthOptions,
  handshakeTimeoutMs,
  type ListenAddress,
  listen,
  secureContextOptions,
  type TlsCertificates,
  type TlsSettings,
} from "@polylog/base/transport";

export interface HttpListenerOptions {
  readonly name: string;
  readonly address: ListenAddress;
  readonly connectionsMax: number;
  readonly clock: Clock;
  /** Without it, plain HTTP. */
  readonly tls?: TlsSettings | undefined;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Without it, upgrades are refused. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export class HttpListener implements Service {
  readonly name: string;
  readonly #options: HttpListenerOptions;
  readonly #server: Server | TlsServer;
  /** Of HTTP: without those that were upgraded. */
  readonly #connections = new Set<Duplex>();
  #onEmpty: () => void = () => undefined;

  constructor(options: HttpListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#server = createHttpServer(options);
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on(options.tls === undefined ? "connection" : "secureConnection", (socket: Duplex) => {
      this.#connections.add(socket);
      socket.on("close", () => this.#forget(socket));
    });
    if (options.onUpgrade !== undefined) {
      const { onUpgrade } = options;
      this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        this.#forget(socket);
        onUpgrade(request, socket, head);
      });
    }
    this.#server.on("clientError", (_error: Error, socket: Duplex) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      else socket.destroy();
    });
  }

  /** Where it listens; with port 0 the port it was given. Valid once started. */
  get address(): ListenAddress {
    return boundAddress(this.#server, this.#options.address);
  }

  async start(): Promise<void> {
    if (this.#options.tls !== undefined) this.replaceCertificates(this.#options.tls.certificates());
    await listen(this.#server, this.name, this.#options.address);
  }

  /** For handshakes that begin afterwards. With TLS only. */
  replaceCertificates(certificates: TlsCertificates): void {
    (this.#server as TlsServer).setSecureContext(secureContextOptions(certificates));
  }

  /** Requests that are being answered may end; then what is left of the deadline closes the rest. */
  async stop({ deadlineMs = 1000 }: StopOptions = {}): Promise<void> {
    if (!this.#server.listening) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = this.#options.clock.setTimer(() => this.#server.closeAllConnections(), Math.min(deadlineMs, 1000));
    if (this.#connections.size > 0) await empty;
    this.#options.clock.clearTimer(timer);
  }

  #forget(socket: Duplex): void {
    this.#connections.delete(socket);
    if (this.#connections.size === 0) this.#onEmpty();
  }
}

function createHttpServer({ tls, onRequest }: HttpListenerOptions): Server | TlsServer {
  const options = { noDelay: true, keepAlive: true, requestTimeout: 60_000 };
  if (tls === undefined) return createServer(options, onRequest);
  const { clientAuth } = tls;
  return createTlsServer(
    { ...options, ...clientAuthOptions(clientAuth), handshakeTimeout: handshakeTimeoutMs },
    onRequest,
  );
}
