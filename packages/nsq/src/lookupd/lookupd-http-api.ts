/**
 * nsqlookupd's HTTP API: the registry as JSON, keys in nsqlookupd's order, lists that are empty as `[]`.
 *
 * `/debug/pprof` is not there: it is about the Go runtime.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@polylog/base/clock";
import type { Counter, Logger } from "@polylog/base/telemetry";
import { isTopicOrChannelNameString } from "@polylog/nsq-wire";
import { parseQuery } from "../http/go-query.ts";
import { HttpRefusal } from "../http/http-exchange.ts";
import { discardBody } from "../http/request-body.ts";
import {
  encodeJson,
  respondEmpty,
  respondJson,
  respondJsonText,
  respondPlain,
  respondRefusal,
} from "../http/responses.ts";
import { RouteTable } from "../http/route-table.ts";
import type { DebugEntry, LookupdNode, Registry } from "./registry.ts";

export interface LookupdHttpOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly requests: Counter;
  readonly errors: Counter;
}

interface LookupdRequest extends LookupdHttpOptions {
  /** The query's first value of the name, or MISSING_ARG_NAME, INVALID_REQUEST. */
  readonly require: (name: "topic" | "channel" | "node") => string;
  /** As `require`, and it must be a name: INVALID_ARG_NAME. */
  readonly requireName: (name: "topic" | "channel") => string;
}

interface LookupdRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What is answered as JSON, or its text; undefined for nothing. */
  readonly handle: (request: LookupdRequest) => object | string | undefined;
}

const ping: LookupdRoute = { method: "GET", path: "/ping", handle: () => undefined };

const routes = new RouteTable<LookupdRoute>([
  ping,
  { method: "GET", path: "/info", handle: ({ version }) => ({ version }) },
  { method: "GET", path: "/topics", handle: ({ registry }) => ({ topics: registry.topics() }) },
  { method: "GET", path: "/channels", handle: getChannels },
  { method: "GET", path: "/lookup", handle: lookup },
  { method: "GET", path: "/nodes", handle: getNodes },
  { method: "GET", path: "/debug", handle: debug },
  { method: "POST", path: "/topic/create", handle: createTopic },
  { method: "POST", path: "/topic/delete", handle: deleteTopic },
  { method: "POST", path: "/topic/tombstone", handle: tombstone },
  { method: "POST", path: "/channel/create", handle: createChannel },
  { method: "POST", path: "/channel/delete", handle: deleteChannel },
]);

export class LookupdHttpApi {
  readonly #options: LookupdHttpOptions;

  constructor(options: LookupdHttpOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { clock, logger, requests, errors } = this.#options;
    requests.value++;
    discardBody(request, clock);
    const { method = "", url = "/" } = request;
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    const route = routes.find(method, path);
    if (route === undefined) {
      if (routes.answerUnknown(response, method, path, query)) errors.value++;
      return;
    }
    try {
      const answer = route.handle({ ...this.#options, ...queryArguments(query) });
      if (route === ping) respondPlain(response, 200, "OK");
      else if (answer === undefined) respondEmpty(response);
      else if (typeof answer === "string") respondJsonText(response, answer);
      else respondJson(response, answer);
    } catch (error) {
      errors.value++;
      if (!(error instanceof HttpRefusal)) logger.error("an HTTP request failed", { method, url, error });
      const { status, code } = error instanceof HttpRefusal ? error : { status: 500, code: "INTERNAL_ERROR" };
      respondRefusal(response, status, code);
    }
  }
}

function queryArguments(query: string): Pick<LookupdRequest, "require" | "requireName"> {
  let values: ReadonlyMap<string, string> | undefined;
  const require = (name: string): string => {
    values ??= parseQuery(query);
    if (values === undefined) throw new HttpRefusal(400, "INVALID_REQUEST");
    const value = values.get(name);
    if (value === undefined) throw new HttpRefusal(400, `MISSING_ARG_${name.toUpperCase()}`);
    return value;
  };
  const requireName = (name: string): string => {
    const value = require(name);
    if (!isTopicOrChannelNameString(value)) throw new HttpRefusal(400, `INVALID_ARG_${name.toUpperCase()}`);
    return value;
  };
  return { require, requireName };
}

function getChannels({ registry, require }: LookupdRequest) {
  return { channels: registry.channels(require("topic")) };
}

function lookup({ registry, require }: LookupdRequest) {
  const topic = require("topic");
  if (!registry.hasTopic(topic)) throw new HttpRefusal(404, "TOPIC_NOT_FOUND");
  return { channels: registry.channels(topic), producers: registry.activeNodes(topic).map(producerOf) };
}

function getNodes({ registry }: LookupdRequest) {
  const topicsOf = registry.topicsOf(registry.nodes());
  const producers = [...topicsOf].map(([node, topics]) => {
    const { topology_zone, topology_region, ...producer } = producerOf(node);
    return {
      ...producer,
      tombstones: topics.map(({ tombstoned }) => tombstoned),
      topics: topics.map(({ topic }) => topic),
      topology_zone,
      topology_region,
    };
  });
  return { producers };
}

/** Go's order of keys is that of its struct. */
function producerOf({ remoteAddress, fields }: LookupdNode) {
  return {
    remote_address: remoteAddress,
    hostname: fields.hostname,
    broadcast_address: fields.broadcast_address,
    tcp_port: fields.tcp_port,
    http_port: fields.http_port,
    version: fields.version,
    topology_zone: fields.topology_zone,
    topology_region: fields.topology_region,
  };
}

const nsPerMs = 1_000_000;

/** Go's zero time in ns, which is no safe integer: `null` stands for it until the text is written. */
const zeroTimeNs = "-6795364578871345152";

/** Keys sorted, as Go does it with a map's. Times are nanoseconds. */
function debug({ registry }: LookupdRequest): string {
  const lists = new Map<string, object[]>();
  for (const entry of registry.entries()) {
    const list = lists.get(entry.key) ?? [];
    list.push(debugEntry(entry));
    lists.set(entry.key, list);
  }
  const sorted = Object.fromEntries([...lists].sort(([a], [b]) => (a < b ? -1 : 1)));
  return encodeJson(sorted).replaceAll('"tombstoned_at":null', `"tombstoned_at":${zeroTimeNs}`);
}

function debugEntry({ node, tombstonedAtMs }: DebugEntry) {
  const { fields } = node;
  return {
    broadcast_address: fields.broadcast_address,
    hostname: fields.hostname,
    http_port: fields.http_port,
    id: node.id,
    last_update: node.heardAtMs * nsPerMs,
    tcp_port: fields.tcp_port,
    tombstoned: tombstonedAtMs !== undefined,
    tombstoned_at: tombstonedAtMs === undefined ? null : tombstonedAtMs * nsPerMs,
    topology_region: fields.topology_region,
    topology_zone: fields.topology_zone,
    version: fields.version,
  };
}

function createTopic({ registry, requireName }: LookupdRequest): undefined {
  if (!registry.createTopic(requireName("topic"))) throw new HttpRefusal(503, "REGISTRATION_LIMIT");
}

/** Any text is taken for a topic. */
function deleteTopic({ registry, require }: LookupdRequest): undefined {
  registry.deleteTopic(require("topic"));
}

function tombstone({ registry, require }: LookupdRequest): undefined {
  const topic = require("topic");
  registry.tombstone(topic, require("node"));
}

function createChannel({ registry, requireName }: LookupdRequest): undefined {
  const topic = requireName("topic");
  if (!registry.createChannel(topic, requireName("channel"))) throw new HttpRefusal(503, "REGISTRATION_LIMIT");
}

function deleteChannel({ registry, requireName }: LookupdRequest): undefined {
  const topic = requireName("topic");
  if (!registry.deleteChannel(topic, requireName("channel"))) throw new HttpRefusal(404, "CHANNEL_NOT_FOUND");
}
