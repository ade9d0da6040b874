/**
 * A POST of one JSON-RPC message: what is checked before a byte of its body is read, the body itself, and the answer. The
 * HTTP status tells whether there was a message to answer (200, or 204 when it had only notifications); a refusal before
 * that has a status of its own, and a JSON-RPC error as its body all the same.
 */

import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { rpcErrors } from "./errors.ts";
import type { RpcLimits } from "./limits.ts";

const statusOf: Readonly<Record<string, number>> = {
  "broker.NOT_AUTHORIZED": 403,
  "rpc.ORIGIN_REFUSED": 403,
  "rpc.METHOD_NOT_ALLOWED": 405,
  "rpc.BODY_TIMEOUT": 408,
  "rpc.REQUEST_TOO_LARGE": 413,
  "rpc.UNSUPPORTED_MEDIA_TYPE": 415,
  "rpc.OVERLOADED": 503,
  "rpc.STOPPING": 503,
};

/** The HTTP status of a refusal; of any other coded error 200: JSON-RPC tells it. */
export function statusOfError(error: PolylogError): number {
  return statusOf[error.code] ?? 200;
}

/** What is wrong with the head of a request, or undefined. */
export function headFault(request: IncomingMessage, limits: RpcLimits): PolylogError | undefined {
  const { method = "", headers } = request;
  if (method !== "POST") return rpcErrors.METHOD_NOT_ALLOWED({ method });
  const type = (headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  const coding = headers["content-encoding"] ?? "identity";
  if (type !== "application/json" || coding !== "identity") return rpcErrors.UNSUPPORTED_MEDIA_TYPE();
  const size = Number(headers["content-length"] ?? 0);
  if (size > limits.requestSizeMax) return rpcErrors.REQUEST_TOO_LARGE({ sizeMax: limits.requestSizeMax });
  return undefined;
}

/**
 * The body as text. Rejects with REQUEST_TOO_LARGE, BODY_TIMEOUT, or PARSE_ERROR when it is not UTF-8. Undefined when the
 * client went away.
 */
export function readBody(request: IncomingMessage, clock: Clock, limits: RpcLimits): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void): void => {
      clock.clearTimer(timer);
      request.off("data", onData);
      act();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limits.requestSizeMax)
        settle(() => reject(rpcErrors.REQUEST_TOO_LARGE({ sizeMax: limits.requestSizeMax })));
    };
    const timer = clock.setTimer(() => {
      settle(() => reject(rpcErrors.BODY_TIMEOUT({ timeoutMs: limits.bodyTimeoutMs })));
    }, limits.bodyTimeoutMs);
    request.on("data", onData);
    request.once("end", () => settle(() => decode(Buffer.concat(chunks), resolve, reject)));
    request.once("error", () => settle(() => resolve(undefined)));
    request.once("close", () => settle(() => resolve(undefined)));
  });
}

/** Writes the whole answer. A refused body is not read: the connection ends with the answer. */
export function sendAnswer(response: ServerResponse, status: number, text: string | undefined, close: boolean): void {
  if (response.destroyed) return;
  const body = text === undefined ? undefined : Buffer.from(text, "utf8");
  response.writeHead(status, {
    "cache-control": "no-store",
    ...(body !== undefined && { "content-type": "application/json", "content-length": body.length }),
    ...(close && { connection: "close" }),
    ...(status === 405 && { allow: "POST" }),
    ...(status === 503 && { "retry-after": "1" }),
  });
  response.end(body);
}

function decode(body: Buffer, resolve: (text: string) => void, reject: (error: Error) => void): void {
  if (isUtf8(body)) resolve(body.toString("utf8"));
  else reject(rpcErrors.PARSE_ERROR({ reason: "it is not UTF-8" }));
}
