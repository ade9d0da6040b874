/**
 * GET and PUT /config/OPTION: what the node was started with, under the names of nsqd's config file. Numbers, flags and lists
 * are JSON, durations nanoseconds, texts stand as they are. Of nsqd's options those are here that mean something here.
 *
 * PUT takes `log_level` only, a word of `debug info warn error fatal`: what the whole server logs from then on, until it ends.
 */

import type { NsqContext } from "../nsq-context.ts";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { readBody } from "./request-body.ts";
import { respondJson, respondText } from "./responses.ts";

/** What permission to change settings is asked for: they belong to no log. */
const nsqResource = "$nsq";

const prefix = "/config/";
const nsPerMs = 1_000_000;

const logLevelNumbers = { debug: 1, info: 2, warn: 3, error: 4, fatal: 5 } as const;
const tlsRequirements = { false: 0, "tcp-https": 1, true: 2 } as const;

type Value = string | number | boolean | readonly (string | number)[];

/** The route of a path below /config/ that has none of its own; whatever the option is called, it is the route's to refuse. */
export function findConfigRoute(method: string, path: string): HttpRoute | undefined {
  if (!path.startsWith(prefix) || path.length === prefix.length || path.includes("/", prefix.length)) return undefined;
  const option = path.slice(prefix.length);
  if (method === "GET") return { method, path, handle: (exchange) => respondValue(exchange, option) };
  if (method === "PUT") return { method, path, handle: (exchange) => change(exchange, option) };
  return undefined;
}

async function change(exchange: HttpExchange, option: string): Promise<void> {
  exchange.checkAccess("manage", nsqResource);
  const { context, request } = exchange;
  const body = await readBody(request, context.limits.msgSizeMax, context.clock);
  if (body === undefined || body.length === 0) throw new HttpRefusal(413, "INVALID_VALUE");
  if (option !== "log_level") throw new HttpRefusal(400, "INVALID_OPTION");
  const level = body.toString("latin1").toLowerCase();
  if (!isLogLevel(level)) throw new HttpRefusal(400, "INVALID_VALUE");
  context.logThreshold.level = level;
  respondValue(exchange, option);
}

function isLogLevel(word: string): word is keyof typeof logLevelNumbers {
  return Object.hasOwn(logLevelNumbers, word);
}

function respondValue({ context, response }: HttpExchange, option: string): void {
  const values = valuesOf(context);
  if (!Object.hasOwn(values, option)) throw new HttpRefusal(400, "INVALID_OPTION");
  const value = values[option]!;
  if (typeof value === "string") respondText(response, value);
  else respondJson(response, value);
}

function valuesOf({
  limits,
  features,
  tls,
  authd,
  latency,
  logThreshold,
}: NsqContext): Readonly<Record<string, Value>> {
  return {
    log_level: logLevelNumbers[logThreshold.level],
    auth_http_addresses: authd?.addresses ?? [],
    topology_region: features.topologyRegion,
    topology_zone: features.topologyZone,
    msg_timeout: limits.msgTimeoutMs * nsPerMs,
    max_msg_timeout: limits.msgTimeoutMaxMs * nsPerMs,
    max_msg_size: limits.msgSizeMax,
    max_body_size: limits.bodySizeMax,
    max_req_timeout: limits.reqTimeoutMaxMs * nsPerMs,
    max_heartbeat_interval: limits.heartbeatIntervalMaxMs * nsPerMs,
    max_rdy_count: limits.rdyCountMax,
    max_output_buffer_size: limits.outputBufferSizeMax,
    max_output_buffer_timeout: limits.outputBufferTimeoutMaxMs * nsPerMs,
    min_output_buffer_timeout: limits.outputBufferTimeoutMinMs * nsPerMs,
    output_buffer_timeout: limits.outputBufferTimeoutMs * nsPerMs,
    e2e_processing_latency_percentiles: latency?.quantiles ?? [],
    tls_required: tlsRequirements[tls?.required ?? "false"],
    deflate: features.deflate,
    max_deflate_level: limits.deflateLevelMax,
    snappy: features.snappy,
  };
}
