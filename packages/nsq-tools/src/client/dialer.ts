/** How a client gets at bytes: TCP, and TLS over it. Tests put streams without a network in its place. */

import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from "node:tls";
import type { Clock } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import { nsqToolsErrors } from "../errors.ts";
import type { ClientOptions } from "./client-options.ts";

export interface Dialer {
  /** Rejects with CONNECT_FAILED. `address` is host:port, or the path of a Unix socket. */
  dial(address: string, options: ClientOptions): Promise<ByteStream>;
  /** Wraps a stream of `dial`; rejects with CONNECT_FAILED when the handshake fails. */
  startTls(stream: ByteStream, address: string, options: ClientOptions): Promise<ByteStream>;
}

export function netDialer(clock: Clock): Dialer {
  return {
    dial: (address, options) => {
      const { host, port, path } = splitAddress(address);
      const socket = path === undefined ? connect({ host, port, noDelay: true }) : connect({ path });
      return whenReady(socket, "connect", clock, address, options.dialTimeoutMs);
    },
    startTls: (stream, address, options) => {
      const socket = stream as Socket;
      socket.removeAllListeners("data");
      const { host } = splitAddress(address);
      const secured = connectTls({
        socket,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        host,
        ...tlsOptions(options, address),
      });
      return whenReady(secured, "secureConnect", clock, address, Math.max(options.dialTimeoutMs, 5000));
    },
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

function splitAddress(address: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:/]*)):(\d+)$/.exec(address);
  if (match === null) {
    if (address.includes("/")) return { host: "localhost", port: 0, path: address };
    throw nsqToolsErrors.CONNECT_FAILED({ address, reason: "not host:port" });
  }
  return { host: match[1] ?? (match[2] === "" ? "127.0.0.1" : match[2]!), port: Number(match[3]) };
}

function whenReady<S extends Socket>(
  socket: S,
  event: "connect" | "secureConnect",
  clock: Clock,
  address: string,
  timeoutMs: number,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) => {
      clock.clearTimer(timer);
      socket.destroy();
      reject(nsqToolsErrors.CONNECT_FAILED({ address, reason }, cause));
    };
    const timer = clock.setTimer(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const onError = (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error);
    const onClose = () => fail("closed");
    socket.once("error", onError);
    socket.once("close", onClose);
    socket.once(event, () => {
      clock.clearTimer(timer);
      socket.off("error", onError);
      socket.off("close", onClose);
      resolve(socket);
    });
  });
}

const versions: Readonly<Record<string, SecureVersion>> = {
  "ssl3.0": "TLSv1",
  "tls1.0": "TLSv1",
  "tls1.1": "TLSv1.1",
  "tls1.2": "TLSv1.2",
  "tls1.3": "TLSv1.3",
};

function tlsOptions(options: ClientOptions, address: string): ConnectionOptions {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw nsqToolsErrors.CONNECT_FAILED({ address, reason: `cannot read ${path}` }, cause);
    }
  };
  const minVersion = versions[options.tlsMinVersion];
  return {
    rejectUnauthorized: !options.tlsInsecureSkipVerify,
    ...(options.tlsRootCaFile === "" ? {} : { ca: read(options.tlsRootCaFile) }),
    ...(options.tlsCert === "" ? {} : { cert: read(options.tlsCert) }),
    ...(options.tlsKey === "" ? {} : { key: read(options.tlsKey) }),
    ...(minVersion === undefined ? {} : { minVersion }),
  };
}
