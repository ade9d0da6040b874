/**
 * nsq_to_http: hands each message to HTTP endpoints, as the body of a POST or in the address of a GET.
 *
 * A message counts as delivered on 2xx for POST, on 200 for GET. Otherwise it is requeued and the consumer slows down.
 * Redirections are not followed: they are failures.
 */

import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { Consumer, type HttpClient, type Message } from "../client/index.ts";
import { HostPool } from "./host-pool.ts";
import { createStatus } from "./status-report.ts";
import {
  checkSources,
  clientOptions,
  consumerContext,
  consumerFlags,
  fatal,
  messageOf,
  nsqVersion,
  type Tool,
  type ToolContext,
  versionFlag,
} from "./tool.ts";

const flags = {
  ...consumerFlags,
  version: versionFlag,
  channel: { type: "string", default: "nsq_to_http", usage: "nsq channel" },
  "content-type": {
    type: "string",
    default: "application/octet-stream",
    usage: "the Content-Type used for POST requests",
  },
  get: {
    type: "strings",
    usage:
      "HTTP address to make a GET request to. '%s' will be printf replaced with data (may be given multiple times)",
  },
  header: { type: "strings", usage: "Custom header for HTTP requests (may be given multiple times)" },
  "http-client-connect-timeout": { type: "duration", default: 2000, usage: "timeout for HTTP connect" },
  "http-client-request-timeout": { type: "duration", default: 20_000, usage: "timeout for HTTP request" },
  mode: {
    type: "string",
    default: "hostpool",
    usage: "the upstream request mode options: round-robin, hostpool (default), epsilon-greedy",
  },
  n: { type: "int", default: 100, usage: "number of concurrent publishers" },
  post: {
    type: "strings",
    usage: "HTTP address to make a POST request to.  data will be in the body (may be given multiple times)",
  },
  sample: { type: "float", default: 1, usage: "% of messages to publish (float b/w 0 -> 1)" },
  "status-every": {
    type: "int",
    default: 250,
    usage: "the # of requests between logging status (per handler), 0 disables",
  },
  topic: { type: "string", default: "", usage: "nsq topic" },
} as const satisfies GoFlagTable;

type Values = GoFlagValues<typeof flags>;

export const nsqToHttp: Tool<typeof flags> = {
  name: "nsq_to_http",
  summary: "Hands each message to HTTP endpoints, by POST or GET.",
  flags,
  run,
};

/** Delivers one body to one address; rejects when that failed. */
export type Publish = (address: string, body: Buffer) => Promise<void>;

async function run(values: Values, context: ToolContext): Promise<void> {
  const headers = parseHeaders(values.header);
  check(values);
  const options = clientOptions(nsqToHttp.name, "consumer-opt", values["consumer-opt"]);
  options.maxInFlight = values["max-in-flight"];
  const publish = publisher(context.http, values, headers);
  const addresses = values.post.length > 0 ? values.post : values.get;
  const handler = createHandler(addresses, values, publish, context);
  const { topic, channel } = values;
  try {
    const consumer = new Consumer(
      { topic, channel, handler, concurrency: values.n },
      consumerContext(context, options),
    );
    const connected = consumer
      .connect(values["nsqd-tcp-address"])
      .then(() => consumer.discover(values["lookupd-http-address"]));
    await Promise.race([connected, context.stopRequested]);
    await context.stopRequested;
    connected.catch(() => undefined);
    await consumer.stop();
  } catch (error) {
    throw fatal(messageOf(error), error);
  }
}

/** In nsq_to_http's own order. */
function check(values: Values): void {
  const { post, get } = values;
  if (values.topic === "" || values.channel === "") throw fatal("--topic and --channel are required");
  if (values["content-type"] !== flags["content-type"].default) {
    if (post.length === 0) throw fatal("--content-type only used with --post");
    if (values["content-type"] === "") throw fatal("--content-type requires a value when used");
  }
  checkSources(values);
  if (get.length === 0 && post.length === 0) throw fatal("--get or --post required");
  if (get.length > 0 && post.length > 0) throw fatal("use --get or --post not both");
  if (get.some((each) => each.split("%s").length !== 2)) throw fatal("invalid GET address - must be a printf string");
  if (!(values.sample >= 0 && values.sample <= 1)) throw fatal("ERROR: --sample must be between 0.0 and 1.0");
  // NSQ's tool would run without ever handling a message.
  if (values.n < 1) throw fatal("--n should be positive");
}

/** `Key: value` pairs. Throws FATAL, with nsq_to_http's own words. */
export function parseHeaders(pairs: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const pair of pairs) {
    const colon = pair.indexOf(":");
    const name = pair.slice(0, Math.max(0, colon)).trim();
    const value = pair.slice(colon + 1).trim();
    if (colon === -1 || name === "" || value === "") throw fatal("--header value format should be 'key=value'");
    headers[name] = value;
  }
  return headers;
}

function publisher(http: HttpClient, values: Values, headers: Readonly<Record<string, string>>): Publish {
  const plainAgent = new Agent({ keepAlive: true, maxFreeSockets: values.n });
  const tlsAgent = new TlsAgent({ keepAlive: true, maxFreeSockets: values.n });
  const times = {
    connectTimeoutMs: values["http-client-connect-timeout"],
    requestTimeoutMs: values["http-client-request-timeout"],
  };
  const agent = { "User-Agent": `${nsqToHttp.name} v${nsqVersion}` };
  const posts = values.post.length > 0;
  return async (address, body) => {
    const url = posts ? address : address.replace("%s", () => queryEscape(body));
    const connection = { ...times, agent: url.startsWith("https:") ? tlsAgent : plainAgent };
    const { status } = posts
      ? await http({
          ...connection,
          url,
          method: "POST",
          body,
          headers: { ...agent, "Content-Type": values["content-type"], ...headers },
        })
      : await http({ ...connection, url, method: "GET", headers: { ...agent, ...headers } });
    if (posts ? status < 200 || status >= 300 : status !== 200) throw new Error(`got status code ${status}`);
  };
}

/** As Go's url.QueryEscape: every byte but letters, digits and - _ . ~ in hex, a space as plus. */
export function queryEscape(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[^\w.~-]/g, (each) =>
      each === " " ? "+" : `%${each.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    );
}

/** What becomes of a message: to all addresses, one in turn, or one of the pool. It rejects when the message failed. */
export function createHandler(
  addresses: readonly string[],
  values: Pick<Values, "mode" | "sample" | "status-every">,
  publish: Publish,
  { clock, chance, log }: Pick<ToolContext, "clock" | "chance" | "log">,
): (message: Pick<Message, "body">) => Promise<void> {
  const status = createStatus(addresses, values["status-every"], clock, log.print);
  const deliver = createDelivery(addresses, values.mode, { clock, chance });
  return async ({ body }) => {
    if (values.sample < 1 && chance() > values.sample) return;
    const startedMs = clock.monotonicMs();
    await deliver(async (address) => {
      const sentMs = clock.monotonicMs();
      await publish(address, body);
      status.delivered(address, sentMs);
    });
    status.finished(startedMs);
  };
}

type Deliver = (send: (address: string) => Promise<void>) => Promise<void>;

function createDelivery(
  addresses: readonly string[],
  mode: string,
  { clock, chance }: Pick<ToolContext, "clock" | "chance">,
): Deliver {
  if (mode === "round-robin") {
    let counter = 0;
    return (send) => send(addresses[++counter % addresses.length]!);
  }
  if (mode === "hostpool" || mode === "epsilon-greedy") {
    const pool = new HostPool(addresses, { clock, chance, greedy: mode === "epsilon-greedy" });
    return async (send) => {
      const choice = pool.choose();
      try {
        await send(choice.address);
      } catch (error) {
        choice.mark(false);
        throw error;
      }
      choice.mark(true);
    };
  }
  // Any other word sends to all, one after the other, as in NSQ.
  return async (send) => {
    for (const address of addresses) await send(address);
  };
}
