/**
 * /config/nsqlookupd_tcp_addresses: which nsqlookupds there are, read with GET and changed with PUT until the server ends. The
 * body of PUT is a JSON array of `host:port`; both answer with the array in force.
 */

import { type HttpExchange, HttpRefusal, type HttpRoute } from "../http/http-exchange.ts";
import { readBody } from "../http/request-body.ts";
import { respondJson } from "../http/responses.ts";
import { lookupdsMax } from "./limits.ts";
import { parseAddress } from "./node-address.ts";

const path = "/config/nsqlookupd_tcp_addresses";

export const lookupdAddressRoutes: readonly HttpRoute[] = [
  { method: "GET", path, handle: get },
  { method: "PUT", path, handle: put },
];

function get({ node, response }: HttpExchange): void {
  respondJson(response, node.lookupds?.addresses ?? []);
}

async function put(exchange: HttpExchange): Promise<void> {
  const { context, node, request } = exchange;
  const body = await readBody(request, context.limits.msgSizeMax, context.clock);
  if (body === undefined || body.length === 0) throw new HttpRefusal(413, "INVALID_VALUE");
  const addresses = decodeAddresses(body.toString("utf8"));
  if (addresses === undefined) throw new HttpRefusal(400, "INVALID_VALUE");
  if (node.lookupds === undefined) throw new HttpRefusal(400, "INVALID_OPTION");
  node.lookupds.changeAddresses(addresses);
  get(exchange);
}

/** Undefined when they are none. nsqd takes any strings, and then tries in vain to connect. */
function decodeAddresses(text: string): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null) return [];
  if (!Array.isArray(value) || value.length > lookupdsMax) return undefined;
  return value.every((each) => typeof each === "string" && parseAddress(each) !== undefined) ? value : undefined;
}
