/** nsq_stat: polls a channel's numbers on all nsqds and prints a row for each interval. */

import type { Clock } from "@polylog/base/clock";
import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { asObject, getJson, lookupProducers } from "../client/index.ts";
import { fatal, messageOf, type Tool, type ToolContext } from "./tool.ts";

const flags = {
  channel: { type: "string", default: "", usage: "NSQ channel" },
  count: { type: "count", usage: "number of reports" },
  "http-client-connect-timeout": { type: "duration", default: 2000, usage: "timeout for HTTP connect" },
  "http-client-request-timeout": { type: "duration", default: 5000, usage: "timeout for HTTP request" },
  interval: { type: "duration", default: 2000, usage: "duration of time between polling/printing output" },
  "lookupd-http-address": { type: "strings", usage: "lookupd HTTP address (may be given multiple times)" },
  "nsqd-http-address": { type: "strings", usage: "nsqd HTTP address (may be given multiple times)" },
  topic: { type: "string", default: "", usage: "NSQ topic" },
  version: { type: "bool", default: false, usage: "print version" },
} as const satisfies GoFlagTable;

type Values = GoFlagValues<typeof flags>;

export const nsqStat: Tool<typeof flags> = {
  name: "nsq_stat",
  summary: "Prints a channel's rates and counts, summed over nsqds, once per interval.",
  flags,
  run,
};

/** Rows between two headers. */
const headerEvery = 25;

/** Sums over the nsqds. */
export interface ChannelNumbers {
  depth: number;
  backendDepth: number;
  inFlight: number;
  deferred: number;
  requeued: number;
  timedOut: number;
  messages: number;
  clients: number;
}

async function run(values: Values, context: ToolContext): Promise<void> {
  check(values);
  let stopped = false;
  const stop = context.stopRequested.then(() => {
    stopped = true;
  });
  context.onHangup(() => {
    stopped = true;
  });
  let before: ChannelNumbers | undefined;
  for (let i = 0; !stopped && (values.count === undefined || i <= values.count); i++) {
    const now = await sample(values, context);
    if (i % headerEvery === 0) context.stdout.write(renderHeader());
    if (before !== undefined) context.stdout.write(renderRow(before, now, values.interval));
    before = now;
    if (i !== values.count) await Promise.race([sleep(context.clock, values.interval), stop]);
  }
}

/** In nsq_stat's own order. */
function check(values: Values): void {
  if (values.topic === "" || values.channel === "") throw fatal("--topic and --channel are required");
  for (const name of ["interval", "http-client-connect-timeout", "http-client-request-timeout"] as const) {
    if (values[name] <= 0) throw fatal(`--${name} should be positive`);
  }
  if (values.count !== undefined && values.count <= 0) throw fatal("--count should be positive");
  const nsqds = values["nsqd-http-address"];
  const lookupds = values["lookupd-http-address"];
  if (nsqds.length === 0 && lookupds.length === 0)
    throw fatal("--nsqd-http-address or --lookupd-http-address required");
  if (nsqds.length > 0 && lookupds.length > 0)
    throw fatal("use --nsqd-http-address or --lookupd-http-address not both");
  for (const name of ["nsqd-http-address", "lookupd-http-address"] as const) {
    if (values[name].some((each) => each.startsWith("http")))
      throw fatal(`--${name} error - address should not contain scheme`);
  }
}

async function sample(values: Values, context: ToolContext): Promise<ChannelNumbers> {
  const { topic, channel } = values;
  const addresses = await findNsqds(values, context).catch((error) => {
    throw fatal(`ERROR: failed to get topic producers - ${messageOf(error)}`, error);
  });
  const query = new URLSearchParams({ format: "json", topic, channel, include_clients: "false" });
  const asked = addresses.map((each) =>
    getJson(context.http, { url: `http://${each}/stats?${query}`, ...times(values) }),
  );
  const answers = await Promise.all(asked).catch((error) => {
    throw fatal(`ERROR: failed to get nsqd stats - ${messageOf(error)}`, error);
  });
  const sum = sumChannel(answers, topic, channel);
  if (sum !== undefined) return sum;
  throw fatal(`ERROR: failed to find channel(${channel}) in stats metadata for topic(${topic})`);
}

async function findNsqds(values: Values, context: ToolContext): Promise<readonly string[]> {
  const lookupds = values["lookupd-http-address"];
  if (lookupds.length === 0) return values["nsqd-http-address"];
  const asked = lookupds.map((each) => lookupProducers(context.http, each, values.topic, times(values)));
  const found = await Promise.all(asked);
  return [...new Set(found.flat().map((each) => each.httpAddress))];
}

function times(values: Values) {
  return {
    connectTimeoutMs: values["http-client-connect-timeout"],
    requestTimeoutMs: values["http-client-request-timeout"],
  };
}

/** The channel's numbers in answers of /stats; undefined when none has it. */
export function sumChannel(answers: readonly unknown[], topic: string, channel: string): ChannelNumbers | undefined {
  let sum: ChannelNumbers | undefined;
  for (const answer of answers) {
    for (const each of asList(asObject(answer)["topics"])) {
      if (each["topic_name"] !== topic) continue;
      for (const found of asList(each["channels"])) {
        if (found["channel_name"] !== channel) continue;
        sum ??= {
          depth: 0,
          backendDepth: 0,
          inFlight: 0,
          deferred: 0,
          requeued: 0,
          timedOut: 0,
          messages: 0,
          clients: 0,
        };
        sum.depth += Number(found["depth"] ?? 0);
        sum.backendDepth += Number(found["backend_depth"] ?? 0);
        sum.inFlight += Number(found["in_flight_count"] ?? 0);
        sum.deferred += Number(found["deferred_count"] ?? 0);
        sum.requeued += Number(found["requeue_count"] ?? 0);
        sum.timedOut += Number(found["timeout_count"] ?? 0);
        sum.messages += Number(found["message_count"] ?? 0);
        sum.clients += Number(found["client_count"] ?? 0);
      }
    }
  }
  return sum;
}

function asList(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

export function renderHeader(): string {
  const rule = "------rate------+----------------depth----------------+--------------metadata---------------";
  return `${rule}\n${row(["ingress", "egress", "total", "mem", "disk", "inflt", "def", "req", "t-o", "msgs", "clients"])}`;
}

export function renderRow(before: ChannelNumbers, now: ChannelNumbers, intervalMs: number): string {
  const came = now.messages - before.messages;
  const left = came - (now.depth - before.depth);
  const perSecond = (count: number) => Math.trunc(count / (intervalMs / 1000)) + 0;
  return row([
    ...[perSecond(came), perSecond(left), now.depth, now.depth - now.backendDepth, now.backendDepth, now.inFlight],
    ...[now.deferred, now.requeued, now.timedOut, now.messages, now.clients],
  ]);
}

const widths = [7, 7, 7, 7, 7, 5, 5, 7, 7, 12, 7];

function row(cells: readonly (string | number)[]): string {
  const padded = cells.map((cell, at) => String(cell).padStart(widths[at]!));
  return `${[padded.slice(0, 2), padded.slice(2, 7), padded.slice(7)].map((part) => part.join(" ")).join(" | ")}\n`;
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(resolve, ms));
}
