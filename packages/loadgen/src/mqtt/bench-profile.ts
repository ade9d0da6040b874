/** What mqtt-bench brings to the shared core: messages, publishers and subscribers as words, figures and tables. */

import { count, duration } from "../measure/figure-text.ts";
import { commonMetrics, type Judged, type Metric, timeMetrics, type Unit } from "../measure/metrics.ts";
import type { DetailRow, ReportTable, RunRow, ToolProfile } from "../measure/tool-profile.ts";
import type { Words } from "../measure/words.ts";
import type { BenchTiming } from "./bench-measures.ts";
import type { BenchResult } from "./bench-result.ts";
import { renderSummary } from "./bench-summary.ts";

const words: Words = {
  item: "message",
  items: "messages",
  timedItems: "messages",
  target: "broker",
  sent: "sent",
  received: "received",
  open: "open",
  backlog: "due and not sent",
  openTitle: "Connections, and messages kept back",
  lagAdvice: "use fewer messages per second, more --workers or another machine",
};

const timings: Readonly<Record<BenchTiming, string>> = {
  endToEnd: "end to end, from when it was due",
  endToEndActual: "end to end, from when it was sent",
  firstReceiver: "end to end, at the first receiver",
  lastReceiver: "end to end, at the last receiver",
  sendLag: "send lag",
  generatorLag: "generator lag",
  ack: "publish to acknowledgement",
  connect: "network connection",
  connack: "CONNECT to CONNACK",
  suback: "SUBSCRIBE to SUBACK",
  reconnect: "connection lost to connected again",
  retained: "SUBSCRIBE to retained message",
};

type BenchJudged = Omit<BenchResult, "thresholds">;

function total(name: string, title: string, better: Metric["better"], read: (result: BenchJudged) => number): Metric {
  return { name, title, unit: "count", better, read: (result: Judged) => read(result as BenchJudged) };
}

const metrics: readonly Metric[] = [
  ...timeMetrics([
    { prefix: "", title: "from due", times: ({ timings: { endToEnd } }) => endToEnd },
    { prefix: "actual.", title: "from sent", times: ({ timings: { endToEndActual } }) => endToEndActual },
    { prefix: "first.", title: "at the first receiver", times: (result) => result.timings["firstReceiver"] },
    { prefix: "last.", title: "at the last receiver", times: (result) => result.timings["lastReceiver"] },
    { prefix: "ack.", title: "to acknowledgement", times: ({ timings: { ack } }) => ack },
    { prefix: "lag.", title: "send lag", times: ({ timings: { sendLag } }) => sendLag },
    { prefix: "connect.", title: "to CONNACK", times: (result) => result.timings["connack"] },
    { prefix: "subscribe.", title: "to SUBACK", times: (result) => result.timings["suback"] },
    { prefix: "reconnect.", title: "to connected again", times: (result) => result.timings["reconnect"] },
    { prefix: "retained.", title: "to retained message", times: (result) => result.timings["retained"] },
  ]),
  total("loss", "lost", "lower", ({ delivery }) => delivery.lost),
  { ...total("delivery", "delivery", "higher", ({ delivery }) => delivery.rate), unit: "share" satisfies Unit },
  total("duplicates", "duplicated", "lower", ({ delivery }) => delivery.duplicates),
  total("disordered", "out of order", "lower", ({ delivery }) => delivery.outOfOrder),
  total("late", "late", "lower", ({ delivery }) => delivery.late),
  total("corrupt", "corrupt", "lower", ({ delivery }) => delivery.corrupt),
  total("unsent", "due and not sent", "lower", ({ delivery }) => delivery.unsent),
  total("errors", "errors", "lower", ({ counters }) => counters.errors),
  total("sent", "sent in all", "higher", ({ counters }) => counters.sent),
  total("received", "received in all", "higher", ({ delivery }) => delivery.received),
  {
    name: "offered/s",
    title: "offered",
    unit: "rate",
    better: "higher",
    read: ({ rates }) => (rates.offered === 0 ? NaN : rates.offered),
  },
  {
    name: "sent/s",
    aliases: ["sent.rate"],
    title: "sent",
    unit: "rate",
    better: "higher",
    read: ({ rates }) => rates.sent,
  },
  {
    name: "received/s",
    aliases: ["received.rate"],
    title: "received",
    unit: "rate",
    better: "higher",
    read: ({ rates }) => rates.received,
    readInterval: ({ received }, seconds) => received / seconds,
  },
  ...commonMetrics(words),
];

/** Subscriptions that a report lists. */
const listedMax = 200;

export const benchProfile: ToolProfile = {
  tool: "mqtt-bench",
  envPrefix: "MQTT_BENCH_",
  db: "mqtt-bench.duckdb",
  queryExample: "SELECT scenario_name, max(p99_ns) FROM scenarios JOIN final_results USING (scenario_id) GROUP BY 1",
  words,
  metrics,
  compared: ["received/s", "p50", "p95", "p99", "mean"],
  exact: [],
  tiles: [
    ...["offered/s", "received/s", "delivery", "loss", "duplicates", "disordered"],
    ...["p50", "p99", "p99.9", "actual.p99", "generator.lag", "broker.cpu", "broker.memory", "broker.cost"],
  ],
  timings,
  titleOf: ({ scenario, target: { name, version, host, port } }) =>
    `${scenario} against ${name === undefined ? `${host}:${port}` : `${name} ${version ?? ""}`.trim()}`,
  summaryOf: (result) => renderSummary(result as BenchResult, metrics),
  verdictOf: (result) => {
    const { lost } = (result as BenchResult).delivery;
    return { isBad: lost > 0, text: lost > 0 ? `${count(lost)} messages were lost` : "no message was lost" };
  },
  tablesOf: (result) => [subscriptionTable(result as BenchResult)],
  totalsOf: (result) => {
    const { counters, delivery } = result as BenchResult;
    const { received, lost, rate } = delivery;
    const { sent, acked, errors } = counters;
    return { sent, received, acked, timedOut: lost, errors, deliveryRate: rate };
  },
  detailsOf: (result) => accountRows(result as BenchResult),
  listed: (row) => ({
    started: row.startedAt.slice(0, 19).replace("T", " "),
    broker: row.target,
    scenario: row.scenario,
    qos: row.qos,
    pubs: row.publishers,
    subs: row.subscribers,
    rate: row.rate,
    "received/s": row.receivedRate === undefined ? "-" : count(row.receivedRate),
    delivery: row.deliveryRate === undefined ? "-" : `${(row.deliveryRate * 100).toFixed(2)} %`,
    p99: row.p99Ns === undefined ? "-" : duration(row.p99Ns),
    notes: notesOf(row),
  }),
  filters: ["broker", "scenario", "qos", "pubs", "subs", "rate"],
  exported: (row) => {
    const { qos, publishers, subscribers, topics, msg_rate, payload_size } = row;
    const { total_sent, total_received, avg_recv_rate, delivery_rate } = row;
    return {
      config: { qos, publishers, subscribers, topics, msg_rate, payload_size },
      throughput: { total_sent, total_received, avg_recv_rate, delivery_rate },
    };
  },
};

function notesOf({ isPartial, notes }: RunRow): string {
  return `${isPartial ? "(partial) " : ""}${notes}`;
}

function subscriptionTable({ subscriptions }: BenchResult): ReportTable {
  const rows = subscriptions.slice(0, listedMax).map((each) => {
    const { filter, members, expected, received, lost, duplicates, outOfOrder, late, corrupt } = each;
    return [filter, ...[members, expected, received, lost, duplicates, outOfOrder, late, corrupt].map(count)];
  });
  const columns = ["", "members", "expected", "received", "lost", "duplicated", "out of order", "late", "corrupt"];
  const rest = subscriptions.length - listedMax;
  return { title: "Subscriptions", columns, rows, ...(rest > 0 ? { note: `… and ${rest} more` } : {}) };
}

function accountRows({ scenarioId, subscriptions }: BenchResult): readonly DetailRow[] {
  return subscriptions.map((each) => ({
    table: "loss_accounting",
    row: {
      scenario_id: scenarioId,
      filter: each.filter,
      is_shared: each.isShared,
      members: each.members,
      expected: each.expected,
      received: each.received,
      lost: each.lost,
      duplicates: each.duplicates,
      out_of_order: each.outOfOrder,
      late: each.late,
      corrupt: each.corrupt,
      fairness_min: each.fairness?.min ?? null,
      fairness_max: each.fairness?.max ?? null,
      gini: each.fairness?.gini ?? null,
    },
  }));
}
