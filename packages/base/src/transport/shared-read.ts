/**
 * Reads accepted sockets into one buffer for all of them and hands on copies of the size of what came: Node otherwise
 * allocates 64 KiB for every read, however little arrives. A server that relays a thousand small messages a second needs 15 to
 * 20 per cent less processor time so, and as much less time per message (`npm run bench -- mqtt --rows=latency`).
 *
 * Node offers that as `onread`, but only to who connects. Here the socket is made around the handle that was accepted, before
 * Node makes one of its own: a connection takes 0.92 and 0.76 times the processor time so, in two comparisons (`--rows=connects`).
 *
 * That takes two fields whose names Node does not promise: where the listening handle's is not found, the socket is made anew
 * around the handle of the accepted one; where that is not found either, the accepted socket is used as it is.
 */

import { type Server, Socket } from "node:net";

const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

interface SharedOptions {
  readonly allowHalfOpen: boolean;
  readonly highWaterMark: number;
}

/** Of a socket that is open; the last two of TCP only. */
interface StreamHandle {
  readonly useUserBuffer?: unknown;
  setNoDelay?(isOn: boolean): void;
  setKeepAlive?(isOn: boolean, delaySeconds: number): void;
}

type OnConnection = (this: object, failure: number, handle: StreamHandle | undefined) => void;

/** What is used of a server besides its types, once it listens; `maxConnections` is counted by `_connections`. */
interface ListeningServer {
  readonly _handle: { onconnection?: OnConnection } | null | undefined;
  readonly maxConnections?: number;
  _connections?: unknown;
}

/** What is used of a socket besides its types. `_server` counts its connections by it. */
interface AcceptedSocket {
  _handle: StreamHandle | null | undefined;
  _server: unknown;
}

/**
 * From now on `accept` gets the sockets of a server that listens, in place of its event `connection`, but for those that Node is left to
 * deal with: failures, and more connections than may be open. Their `data` are chunks that nobody else keeps or changes.
 */
export function acceptShared(server: Server, options: SharedOptions, accept: (socket: Socket) => void): void {
  const raw = server as unknown as ListeningServer;
  const listening = raw._handle;
  const inherited = listening?.onconnection;
  if (listening === null || listening === undefined || typeof inherited !== "function") return;
  if (typeof raw._connections !== "number") return;
  listening.onconnection = function (failure, handle) {
    const { _connections: count, maxConnections = Number.POSITIVE_INFINITY } = raw;
    if (typeof handle?.useUserBuffer !== "function" || typeof count !== "number" || count >= maxConnections) {
      inherited.call(this, failure, handle);
      return;
    }
    handle.setNoDelay?.(true);
    handle.setKeepAlive?.(true, 0);
    raw._connections = count + 1;
    accept(socketOn(handle, server, options));
  };
}

/**
 * `accepted` comes from a server with `pauseOnConnect` and is not to be used afterwards. The answer's `data` are chunks that
 * nobody else keeps or changes.
 */
export function readShared(accepted: Socket, options: SharedOptions): Socket {
  const raw = accepted as unknown as AcceptedSocket;
  const handle = raw._handle;
  if (typeof handle?.useUserBuffer !== "function") return accepted.resume();
  raw._handle = null;
  const socket = socketOn(handle, raw._server, options);
  raw._server = null;
  return socket;
}

function socketOn(handle: StreamHandle, server: unknown, options: SharedOptions): Socket {
  const callback = (size: number): boolean => {
    const chunk = Buffer.allocUnsafe(size);
    readBuffer.copy(chunk, 0, 0, size);
    socket.emit("data", chunk);
    return true;
  };
  const { allowHalfOpen, highWaterMark } = options;
  const withHandle = { allowHalfOpen, highWaterMark, handle, onread: { buffer: readBuffer, callback } };
  const socket = new Socket(withHandle);
  (socket as unknown as AcceptedSocket)._server = server;
  return socket;
}
