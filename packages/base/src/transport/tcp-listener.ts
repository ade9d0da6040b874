/** A TCP port, or a Unix socket, as a service: it accepts sockets, bounds how many are open, and says clearly why it cannot listen. */

import { createServer, type Server, type Socket } from "node:net";
import type { Service } from "../lifecycle/index.ts";
import { transportErrors } from "./errors.ts";
import { acceptShared, readShared } from "./shared-read.ts";

export interface ListenAddress {
  /** With a `/` in it, the path of a Unix socket. */
  readonly host: string;
  /** 0 takes a free port; with a Unix socket there is none. */
  readonly port: number;
}

export interface TcpListenerOptions extends ListenAddress {
  readonly name: string;
  /** Sockets open at a time; further ones are closed as soon as they are accepted. */
  readonly connectionsMax: number;
  readonly accept: (socket: Socket) => void;
  /**
   * All sockets are read through one buffer: cheaper for many that each send little. They must not be wrapped in another
   * stream, as for STARTTLS. Default false.
   */
  readonly readsShared?: boolean;
}

/**
 * Output is written once per turn, so Nagle's algorithm could only delay it. A peer that has sent its last byte may still
 * wait for answers: whether it gets them is the protocol's to say, so half-open connections are allowed.
 */
export const socketOptions = { noDelay: true, keepAlive: true, highWaterMark: 65_536, allowHalfOpen: true } as const;

export class TcpListener implements Service {
  readonly name: string;
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  /** Sockets closed because `connectionsMax` were open. */
  refusedCount = 0;

  constructor(options: TcpListenerOptions) {
    this.name = options.name;
    this.#options = options;
    const { accept, readsShared = false } = options;
    const taken = (socket: Socket): void => accept(Object.assign(socket, { copiesWritten: true }));
    this.#server = readsShared
      ? createServer({ ...socketOptions, pauseOnConnect: true }, (socket) => taken(readShared(socket, socketOptions)))
      : createServer(socketOptions, taken);
    if (readsShared) this.#server.on("listening", () => acceptShared(this.#server, socketOptions, taken));
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on("drop", () => {
      this.refusedCount++;
    });
  }

  /** Where it listens; with port 0 the port it was given. Valid once started. */
  get address(): ListenAddress {
    return boundAddress(this.#server, this.#options);
  }

  start(): Promise<void> {
    return listen(this.#server, this.name, this.#options);
  }

  /** Stops accepting. Open connections are their owners' to end. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
  }
}

/**
 * Listens and turns the usual failures into errors that say what to do. HTTP servers are TCP servers too. A connection that
 * cannot be accepted later on, for want of a descriptor for example, is that connection's end and not the server's.
 */
export function listen(server: Server, name: string, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on("error", (error) => reject(listenError(error, name, host, port)));
    const where = isSocketPath(host) ? { path: host } : { host, port };
    server.listen({ ...where, backlog: 1024 }, () => resolve());
  });
}

export function isSocketPath(host: string): boolean {
  return host.includes("/");
}

export function boundAddress(server: Server, wanted: ListenAddress): ListenAddress {
  const address = server.address();
  if (address === null || typeof address === "string") return { host: wanted.host, port: wanted.port };
  return { host: wanted.host, port: address.port };
}

function listenError(error: NodeJS.ErrnoException, listener: string, host: string, port: number): Error {
  const where = { listener, address: isSocketPath(host) ? host : `${host}:${port}` };
  if (error.code === "EADDRINUSE" && isSocketPath(host)) return transportErrors.SOCKET_IN_USE(where, error);
  if (error.code === "EADDRINUSE") return transportErrors.ADDRESS_IN_USE(where, error);
  if (error.code === "EACCES") return transportErrors.LISTEN_REFUSED(where, error);
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
    return transportErrors.ADDRESS_NOT_AVAILABLE({ listener, host }, error);
  return transportErrors.LISTEN_FAILED({ ...where, reason: error.code ?? error.message }, error);
}
