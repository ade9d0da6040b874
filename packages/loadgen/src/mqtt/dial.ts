/** How a client gets at bytes: TCP, TLS over it, WebSocket over either. */

import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { ByteStream } from "@polylog/base/transport";
import { loadgenErrors } from "../errors.ts";

export interface DialSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsClientSettings | undefined;
  /** The path of a WebSocket, `/mqtt`; undefined: none. */
  readonly webSocketPath: string | undefined;
}

/** PEM texts; undefined: what Node.js trusts, and no certificate of our own. */
export interface TlsClientSettings {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly isInsecure: boolean;
  readonly serverName: string | undefined;
}

/** Every way to get a stream. `onReady` when bytes can be written; what goes wrong before that ends in `onFail`, maybe more than once. */
export type Dial = (
  settings: DialSettings,
  localAddress: string | undefined,
  onReady: (stream: ByteStream) => void,
  onFail: (error: NodeJS.ErrnoException) => void,
) => { destroy(): unknown };

/** One buffer for all plain sockets of a thread: libuv reads into it and hands it over at once, except on Windows. */
const readSize = 65_536;
const sharedBuffer = Buffer.allocUnsafeSlow(readSize);
const canShare = process.platform !== "win32";

export const netDial: Dial = (settings, localAddress, onReady, onFail) => {
  if (settings.webSocketPath !== undefined) return dialWebSocket(settings, localAddress, onReady, onFail);
  return settings.tls === undefined
    ? dialTcp(settings, localAddress, onReady, onFail)
    : dialTls(settings, settings.tls, localAddress, onReady, onFail);
};

function dialTcp(...[{ host, port }, localAddress, onReady, onFail]: Parameters<Dial>): Socket {
  const stream = new ReusedBufferStream();
  const onread = canShare ? { onread: { buffer: sharedBuffer, callback: stream.onRead } } : {};
  const socket = connect({ host, port, noDelay: true, ...(localAddress ? { localAddress } : {}), ...onread });
  stream.socket = socket;
  const onError = (error: Error) => onFail(error);
  socket.on("error", onError);
  socket.once("connect", () => {
    socket.off("error", onError);
    onReady(canShare ? stream : socket);
  });
  return socket;
}

/** A socket that reads into the shared buffer: a chunk is only lent, until the listener returns. */
class ReusedBufferStream implements ByteStream {
  socket!: Socket;
  #onData: ((chunk: Buffer) => void) | undefined;
  readonly onRead = (size: number, buffer: Uint8Array): boolean => {
    this.#onData?.((buffer as Buffer).subarray(0, size));
    return true;
  };
  get writableLength(): number {
    return this.socket.writableLength;
  }
  write(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }
  cork(): void {
    this.socket.cork();
  }
  uncork(): void {
    this.socket.uncork();
  }
  end(): unknown {
    return this.socket.end();
  }
  destroy(): unknown {
    return this.socket.destroy();
  }
  pause(): unknown {
    return this.socket.pause();
  }
  resume(): unknown {
    return this.socket.resume();
  }
  on(event: "data" | "drain" | "close" | "end" | "error", listener: (argument: never) => void): unknown {
    if (event === "data") this.#onData = listener as (chunk: Buffer) => void;
    else this.socket.on(event, listener as () => void);
    return this;
  }
}

function dialTls(
  { host, port }: DialSettings,
  tls: TlsClientSettings,
  localAddress: string | undefined,
  onReady: (stream: ByteStream) => void,
  onFail: (error: NodeJS.ErrnoException) => void,
): Socket {
  const local = localAddress === undefined ? {} : { localAddress };
  const socket = connectTls({ host, port, ...local, ...tlsOptions(host, tls) });
  socket.setNoDelay(true);
  socket.on("error", onFail);
  socket.once("secureConnect", () => {
    socket.off("error", onFail);
    onReady(socket);
  });
  return socket;
}

function tlsOptions(host: string, { ca, cert, key, isInsecure, serverName }: TlsClientSettings): ConnectionOptions {
  const name = serverName ?? (isIP(host) === 0 ? host : undefined);
  return {
    rejectUnauthorized: !isInsecure,
    ...(name === undefined ? {} : { servername: name }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function dialWebSocket(
  { host, port, tls, webSocketPath = "/" }: DialSettings,
  localAddress: string | undefined,
  onReady: (stream: ByteStream) => void,
  onFail: (error: NodeJS.ErrnoException) => void,
): { destroy(): unknown } {
  let isDestroyed = false;
  let stream: Duplex | undefined;
  const open = async () => {
    const { WebSocket, createWebSocketStream } = await import("ws");
    if (isDestroyed) return;
    const at = `${tls === undefined ? "ws" : "wss"}://${isIP(host) === 6 ? `[${host}]` : host}:${port}${webSocketPath}`;
    const socket = new WebSocket(at, "mqtt", {
      perMessageDeflate: false,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(tls === undefined ? {} : tlsOptions(host, tls)),
    });
    const duplex = createWebSocketStream(socket);
    stream = duplex;
    duplex.on("error", onFail);
    socket.once("open", () => {
      duplex.off("error", onFail);
      onReady(duplex);
    });
  };
  open().catch(onFail);
  return {
    destroy: () => {
      isDestroyed = true;
      stream?.destroy();
    },
  };
}

/** Throws FILE_UNREADABLE. */
export function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path, reason: (error as Error).message }, error);
  }
}
