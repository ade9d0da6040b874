/** POST /pub: the body is one message. It is answered when the log has it. */

import type { IncomingMessage } from "node:http";
import type { RecordFields } from "@polylog/broker";
import { produceFields } from "../publishing.ts";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { logToPublishTo, publish, readDefer } from "./publish.ts";
import { declaredSize, readBody } from "./request-body.ts";
import { respondText } from "./responses.ts";

export const pub: HttpRoute = { method: "POST", path: "/pub", handle };

const headerPrefix = "x-polylog-header-";

async function handle(exchange: HttpExchange): Promise<void> {
  const { context, request, response } = exchange;
  const { broker, clock, limits, metrics } = context;
  if (declaredSize(request) > limits.msgSizeMax) throw new HttpRefusal(413, "MSG_TOO_BIG");
  const body = await readBody(request, limits.msgSizeMax, clock);
  if (body === undefined) throw new HttpRefusal(413, "MSG_TOO_BIG");
  if (body.length === 0) throw new HttpRefusal(400, "MSG_EMPTY");
  const log = logToPublishTo(exchange);
  const deferMs = readDefer(exchange);
  const rich = richFields(request);
  await publish(exchange, log, (waiter) => {
    if (deferMs === 0 && rich === undefined) return broker.produce(log, body, 0, body.length, waiter, 0);
    const delay = deferMs === 0 ? {} : { notBeforeMs: clock.nowMs() + deferMs };
    return produceFields(broker, log, { value: body, ...rich, ...delay }, waiter, 0);
  });
  metrics.published.value++;
  respondText(response, "OK");
}

/**
 * What nsqd has no place for, and a log has: `X-Polylog-Key`, and `X-Polylog-Header-NAME` for a header NAME, in lower case. Readers of
 * the log see them (JSON-RPC `consume`); NSQ consumers get the body alone.
 */
function richFields({ headers }: IncomingMessage): Pick<RecordFields, "key" | "headers"> | undefined {
  const found: [string, Uint8Array][] = [];
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(headerPrefix) && name.length > headerPrefix.length)
      found.push([name.slice(headerPrefix.length), Buffer.from(String(value), "latin1")]);
  const key = headers["x-polylog-key"];
  if (key === undefined && found.length === 0) return undefined;
  return {
    ...(key === undefined ? {} : { key: Buffer.from(String(key), "latin1") }),
    ...(found.length === 0 ? {} : { headers: found }),
  };
}
