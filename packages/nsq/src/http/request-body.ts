/** A request's body: whole, bounded in size and in the time it may take. */

import type { IncomingMessage } from "node:http";
import type { Clock } from "@polylog/base/clock";
import { httpBodyTimeoutMs } from "../limits.ts";
import { HttpRefusal } from "./http-exchange.ts";

/** The peer went away before its body was whole: there is nobody to answer. */
export class RequestAborted extends Error {}

/** Bytes the request says its body has; 0 when it does not say. */
export function declaredSize(request: IncomingMessage): number {
  return Number(request.headers["content-length"] ?? 0);
}

/**
 * The whole body; undefined when it has more than `sizeMax` bytes: what comes of it then is thrown away. Refuses with
 * REQUEST_TIMEOUT, rejects with RequestAborted.
 */
export function readBody(request: IncomingMessage, sizeMax: number, clock: Clock): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const deadline = clock.setTimer(() => reject(new HttpRefusal(408, "REQUEST_TIMEOUT")), httpBodyTimeoutMs);
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= sizeMax) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      clock.clearTimer(deadline);
      resolve(undefined);
    });
    request.on("end", () => {
      clock.clearTimer(deadline);
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
    request.on("close", () => {
      clock.clearTimer(deadline);
      reject(new RequestAborted());
    });
    request.on("error", () => undefined); // `close` follows.
  });
}

/** Throws away what is left of the body; when that takes too long, the connection goes with it. */
export function discardBody(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  const deadline = clock.setTimer(() => request.destroy(), httpBodyTimeoutMs);
  request.on("close", () => clock.clearTimer(deadline));
  request.on("error", () => undefined);
  request.resume();
}
