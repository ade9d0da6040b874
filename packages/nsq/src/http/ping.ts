/** GET /ping: `OK`, or why the node is not. */

import { healthOf } from "../stats/health.ts";
import type { HttpExchange, HttpRoute } from "./http-exchange.ts";
import { respondPlain } from "./responses.ts";

export const ping: HttpRoute = { method: "GET", path: "/ping", handle };

function handle({ context, response }: HttpExchange): void {
  const health = healthOf(context.broker);
  respondPlain(response, health === "OK" ? 200 : 500, health);
}
