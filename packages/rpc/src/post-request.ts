/**
 * A POST of one JSON-RPC message: what is checked before a byte of its body is read, the body itself, and the answer. The
 * HTTP status tells whether there was a message to answer (200, or 204 when it had only notifications); a refusal before
 * that has a status of its own, and a JSON-RPC error as its body all the same.
 */

import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, spareTurn } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { rpcErrors } from "./errors.ts";
import { type RpcLimits, sendSliceSize } from "./limits.ts";
import { type JsonText, textSize } from "./records/json-parts.ts";

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

/** Writes the whole answer, a long one in slices. A refused body is not read: the connection ends with the answer. */
export async function sendAnswer(
  response: ServerResponse,
  status: number,
  text: JsonText | undefined,
  close: boolean,
  clock: Clock,
): Promise<void> {
  if (response.destroyed) return;
  const parts = typeof text === "string" ? [Buffer.from(text, "utf8")] : (text ?? []);
  response.writeHead(status, {
    "cache-control": "no-store",
    ...(text !== undefined && { "content-type": "application/json", "content-length": textSize(parts) }),
    ...(close && { connection: "close" }),
    ...(status === 405 && { allow: "POST" }),
    ...(status === 503 && { "retry-after": "1" }),
  });
  for (let next = 0; next < parts.length; ) {
    if (next > 0) {
      if (response.writableNeedDrain) await untilDrained(response);
      await spareTurn(clock);
      if (response.destroyed) return;
    }
    response.cork();
    for (let size = 0; next < parts.length && size < sendSliceSize; next++) {
      response.write(parts[next]);
      size += parts[next]!.length;
    }
    if (next < parts.length) response.uncork();
  }
  response.end();
}

/** Also when it is gone. */
function untilDrained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}

function decode(body: Buffer, resolve: (text: string) => void, reject: (error: Error) => void): void {
  if (isUtf8(body)) resolve(body.toString("utf8"));
  else reject(rpcErrors.PARSE_ERROR({ reason: "it is not UTF-8" }));
}
