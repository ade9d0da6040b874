/** POST /pub: the body is one message. It is answered when the log has it. */

import { produceFields } from "../publishing.ts";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { logToPublishTo, publish, readExtras } from "./publish.ts";
import { declaredSize, readBody } from "./request-body.ts";
import { respondText } from "./responses.ts";

export const pub: HttpRoute = { method: "POST", path: "/pub", handle };

async function handle(exchange: HttpExchange): Promise<void> {
  const { context, request, response } = exchange;
  const { broker, clock, limits, metrics } = context;
  if (declaredSize(request) > limits.msgSizeMax) throw new HttpRefusal(413, "MSG_TOO_BIG");
  const body = await readBody(request, limits.msgSizeMax, clock);
  if (body === undefined) throw new HttpRefusal(413, "MSG_TOO_BIG");
  if (body.length === 0) throw new HttpRefusal(400, "MSG_EMPTY");
  const log = logToPublishTo(exchange);
  const extras = readExtras(exchange);
  await publish(exchange, log, (waiter) =>
    extras === undefined
      ? broker.produce(log, body, 0, body.length, waiter, 0)
      : produceFields(broker, log, { value: body, ...extras }, waiter, 0),
  );
  metrics.published.value++;
  respondText(response, "OK");
}
