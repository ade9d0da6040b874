/**
 * /debug: what nsqd offers of Go's profiler has no meaning here, so its paths are 404, as paths nsqd does not know. The two
 * actions answer as nsqd does, which is INTERNAL_ERROR although nothing failed; there is nothing to do for them here.
 */

import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { respondPlain } from "./responses.ts";

export const debugActions: readonly HttpRoute[] = [
  { method: "PUT", path: "/debug/setblockrate", handle: setBlockRate },
  { method: "POST", path: "/debug/freememory", handle: refuse },
  { method: "GET", path: "/debug/pprof/cmdline", handle: showCommandLine },
];

function setBlockRate(exchange: HttpExchange): void {
  const rate = exchange.argument("rate") ?? "";
  if (/^[+-]?\d+$/.test(rate)) refuse();
  const parsing = rate === "" ? 'strconv.Atoi: parsing ""' : `strconv.Atoi: parsing ${JSON.stringify(rate)}`;
  respondPlain(exchange.response, 400, `invalid block rate : ${parsing}: invalid syntax`);
}

function refuse(): never {
  throw new HttpRefusal(500, "INTERNAL_ERROR");
}

/** The words of the command, with NUL between them, as Go's profiler shows it. */
function showCommandLine({ response }: HttpExchange): void {
  respondPlain(response, 200, process.argv.join("\0"));
}
