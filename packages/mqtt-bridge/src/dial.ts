/** TCP, or TLS over it, to a remote broker. Certificates are read for each connection, so that a renewed one is used. */

import { readFile } from "node:fs/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { ByteStream } from "@polylog/base/transport";
import { type BridgeConfig, type BridgeTls, remoteOf } from "./bridge-config.ts";
import { bridgeErrors } from "./errors.ts";
import { dialTimeoutMs } from "./limits.ts";

/** Rejects with `bridge.UNREACHABLE`, `bridge.FILE_UNREADABLE` or `bridge.TLS_FILES_INVALID`. */
export async function dial(config: BridgeConfig, clock: Clock): Promise<ByteStream> {
  const remote = remoteOf(config);
  const { host, port, tls } = config;
  const tcp = { host, port, noDelay: true, keepAlive: true };
  if (tls === undefined) return connected(connectTcp(tcp), "connect", remote, clock);
  const secureContext = await readContext(tls, remote);
  const servername = isIP(host) === 0 ? host : "";
  return connected(connectTls({ ...tcp, servername, secureContext }), "secureConnect", remote, clock);
}

function connected(socket: Socket, event: string, remote: string, clock: Clock): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void => {
      clock.clearTimer(timer);
      socket.destroy();
      reject(bridgeErrors.UNREACHABLE({ remote, reason }, cause));
    };
    const timer = clock.setTimer(() => fail(`no connection within ${dialTimeoutMs} ms`), dialTimeoutMs);
    // Stays: an error before somebody else listens must not end the process.
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.message || (error.code ?? error.name), error));
    socket.once("close", () => fail("it closed the connection"));
    socket.once(event, () => {
      clock.clearTimer(timer);
      resolve(socket);
    });
  });
}

async function readContext({ ca, cert, key }: BridgeTls, remote: string): Promise<SecureContext> {
  const read = async (file: string | undefined) => (file === undefined ? undefined : readBytes(file));
  const [caBytes, certBytes, keyBytes] = [await read(ca), await read(cert), await read(key)];
  try {
    return createSecureContext({
      ...(caBytes && { ca: caBytes }),
      ...(certBytes && { cert: certBytes }),
      ...(keyBytes && { key: keyBytes }),
    });
  } catch (error) {
    throw bridgeErrors.TLS_FILES_INVALID({ remote, reason: (error as Error).message }, error);
  }
}

/** Rejects with `bridge.FILE_UNREADABLE`. */
export async function readPassword({ password, passwordFile }: BridgeConfig): Promise<Buffer | undefined> {
  if (passwordFile === undefined) return password === undefined ? undefined : Buffer.from(password);
  const [line = ""] = (await readBytes(passwordFile)).toString().split(/\r?\n/);
  return Buffer.from(line);
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): PolylogError {
  return bridgeErrors.FILE_UNREADABLE({ file, reason: (error as Error).message }, error);
}
