/** What crate-write brings to the shared core: rows, batches and workers as words, figures and tables. */

import { count, duration, mebibytes } from "../../measure/figure-text.ts";
import { commonMetrics, type Judged, type Metric, timeMetrics, type Unit } from "../../measure/metrics.ts";
import type { Timing } from "../../measure/recorder.ts";
import type { DetailRow, ReportTable, ToolProfile, Verdict } from "../../measure/tool-profile.ts";
import type { Words } from "../../measure/words.ts";
import type { LoadResult } from "./load-result.ts";
import { renderLoad, renderVerification } from "./render-load.ts";

const words: Words = {
  item: "row",
  items: "rows",
  timedItems: "batches",
  target: "database",
  sent: "settled",
  received: "acknowledged",
  open: "under way",
  backlog: "due and not begun",
  openTitle: "Batches under way, and kept back",
  lagAdvice: "use more --threads or a lower --rate",
};

const timings: Readonly<Record<Timing, string>> = {
  endToEnd: "batch, from when it was due",
  endToEndActual: "batch, from when it was sent",
  ack: "request",
  sendLag: "send lag",
  generatorLag: "generator lag",
};

type LoadJudged = Omit<LoadResult, "thresholds">;

function total(
  name: string,
  title: string,
  better: Metric["better"],
  read: (result: LoadJudged) => number,
  aliases: readonly string[] = [],
): Metric {
  return { name, aliases, title, unit: "count", better, read: (result: Judged) => read(result as LoadJudged) };
}

const metrics: readonly Metric[] = [
  {
    name: "rows/s",
    aliases: ["received.rate"],
    title: "rows acknowledged",
    unit: "rate",
    better: "higher",
    read: ({ rates }) => rates.received,
    readInterval: ({ received }, seconds) => received / seconds,
  },
  {
    name: "offered/s",
    title: "rows offered",
    unit: "rate",
    better: "higher",
    read: ({ rates }) => (rates.offered === 0 ? NaN : rates.offered),
  },
  {
    name: "bytes/s",
    title: "rows as JSON, a second",
    unit: "bytes",
    better: "higher",
    read: ({ counters, measuredNs }) => counters.bytesSent / (measuredNs / 1e9),
  },
  // On a schedule from when a batch was due; without one there is only the time it was sent.
  ...timeMetrics([
    {
      prefix: "",
      title: "of a batch",
      times: ({ timings: { endToEnd, endToEndActual } }) => (endToEnd.count > 0 ? endToEnd : endToEndActual),
    },
    { prefix: "actual.", title: "of a batch from when it was sent", times: (result) => result.timings.endToEndActual },
    { prefix: "request.", alias: "ack.", title: "of a request", times: (result) => result.timings.ack },
    { prefix: "lag.", title: "send lag", times: (result) => result.timings.sendLag },
  ]),
  total("rows", "rows acknowledged in all", "higher", ({ rows }) => rows.acknowledged, ["received"]),
  total("failed", "rows failed", "lower", ({ rows }) => rows.failed, ["loss", "errors"]),
  total("missing", "rows missing in the table", "lower", missingOf),
  total("excess", "rows too many in the table", "lower", excessOf),
  total("refused", "rows refused", "lower", ({ rows }) => rows.refused),
  total("unknown", "rows of unknown fate", "lower", ({ rows }) => rows.unknown),
  total("ignored", "rows that were there already", "lower", ({ rows }) => rows.ignored),
  { ...total("confirmed", "rows confirmed", "higher", confirmedOf, ["delivery"]), unit: "share" satisfies Unit },
  total("batches", "batches", "higher", ({ rows }) => rows.batches),
  total("requests", "requests", "lower", ({ rows }) => rows.requests),
  total("failed.requests", "requests failed", "lower", ({ rows }) => rows.failedRequests),
  total("retries", "requests sent again", "lower", ({ rows }) => rows.retries),
  total("halvings", "requests halved", "lower", ({ rows }) => rows.halvings),
  total("pauses", "pauses", "lower", ({ rows }) => rows.pauses),
  ...commonMetrics(words),
];

function missingOf({ verification }: LoadJudged): number {
  return verification === undefined ? NaN : Math.max(0, verification.least - verification.present);
}

function excessOf({ verification }: LoadJudged): number {
  return verification === undefined ? NaN : Math.max(0, verification.present - verification.most);
}

function confirmedOf({ rows: { acknowledged, failed } }: LoadJudged): number {
  return acknowledged + failed === 0 ? 1 : acknowledged / (acknowledged + failed);
}

export const loadProfile: ToolProfile = {
  tool: "crate-write",
  envPrefix: "CRATE_",
  db: "crate-write.duckdb",
  queryExample: "SELECT started_at, metric, value FROM metrics JOIN scenarios USING (scenario_id) ORDER BY 1, 2",
  words,
  metrics,
  compared: ["rows/s", "p50", "p95", "p99", "mean", "failed", "missing", "excess"],
  exact: ["failed", "missing", "excess"],
  tiles: [
    ...["offered/s", "rows/s", "rows", "failed", "missing", "excess", "bytes/s", "p50", "p99", "p99.9", "request.p99"],
    ...["retries", "pauses", "generator.cpu", "generator.memory", "database.cpu", "database.memory", "database.cost"],
  ],
  timings,
  titleOf: (result) => {
    const { table, database } = result as LoadResult;
    return `rows into ${table} of ${database.name}`;
  },
  summaryOf: (result) => renderLoad(result as LoadResult, metrics),
  verdictOf: (result) => verdictOf(result as LoadResult),
  tablesOf: (result) => tablesOf(result as LoadResult),
  totalsOf: (result) => {
    const { rows } = result as LoadResult;
    const { acknowledged, failed } = rows;
    const sent = acknowledged + failed;
    const deliveryRate = confirmedOf(result as LoadResult);
    return { sent, received: acknowledged, acked: acknowledged, timedOut: failed, errors: failed, deliveryRate };
  },
  detailsOf: (result) => detailsOf(result as LoadResult),
  listed: (row) => ({
    started: row.startedAt.slice(0, 19).replace("T", " "),
    database: row.target,
    threads: row.publishers,
    batch: row.payloadSize,
    rate: row.rate === 0 ? "-" : row.rate,
    "rows/s": row.receivedRate === undefined ? "-" : count(row.receivedRate),
    confirmed: row.deliveryRate === undefined ? "-" : `${(row.deliveryRate * 100).toFixed(2)} %`,
    p99: row.p99Ns === undefined ? "-" : duration(row.p99Ns),
    notes: `${row.isPartial ? "(partial) " : ""}${row.notes}`,
  }),
  filters: ["database", "threads", "batch", "rate"],
  exported: (row) => ({
    config: {
      threads: row["publishers"],
      batch_size: row["payload_size"],
      rate: row["msg_rate"],
      duration_ns: row["duration_ns"],
    },
    throughput: {
      rows_settled: row["total_sent"],
      rows_acknowledged: row["total_received"],
      rows_failed: row["total_timed_out"],
      rows_per_second: row["avg_recv_rate"],
      confirmed: row["delivery_rate"],
    },
  }),
};

function verdictOf({ rows, verification }: LoadResult): Verdict {
  const isBad = rows.failed > 0 || verification?.agrees === false;
  return { isBad, text: renderVerification(rows, verification) };
}

function tablesOf(result: LoadResult): readonly ReportTable[] {
  const { rows, table, database, verification, workers, requestErrors, measuredNs } = result;
  const counted =
    verification === undefined
      ? [["in the table: not counted", "-"]]
      : [
          ["in the table before", count(verification.before)],
          [`in the table after: ${verification.agrees ? "they agree" : "THEY DISAGREE"}`, count(verification.after)],
        ];
  const account = [
    ["acknowledged: the database confirmed each of them", count(rows.acknowledged)],
    ["of these there already, passed over by ON CONFLICT", count(rows.ignored)],
    ["refused: not in the table", count(rows.refused)],
    ["unknown: the answer was lost", count(rows.unknown)],
    ...counted,
    ["bytes as JSON", mebibytes(rows.bytes)],
  ];
  const requests = [
    ["batches", count(rows.batches)],
    ["requests", count(rows.requests)],
    ["failed as a whole", count(rows.failedRequests)],
    ["sent again", count(rows.retries)],
    ["halved", count(rows.halvings)],
    ["pauses because the database had too much", count(rows.pauses)],
  ];
  const share = (own: number) => (rows.acknowledged === 0 ? "-" : `${((own / rows.acknowledged) * 100).toFixed(1)} %`);
  const perWorker = workers.map(({ worker, acknowledged, failed, batches }) => [
    String(worker),
    count(acknowledged),
    `${count(acknowledged / (measuredNs / 1e9))}/s`,
    share(acknowledged),
    count(failed),
    count(batches),
  ]);
  const where = `${database.name}${database.version === "" ? "" : `; version ${database.version}`}`;
  const note = `Table ${table} of ${where}; ${database.isEmbedded ? "started for this run" : database.address}.`;
  return [
    { title: "Rows", columns: ["", "rows"], rows: account, note },
    { title: "Requests", columns: ["", "count"], rows: requests },
    { title: "Workers", columns: ["worker", "acknowledged", "rows/s", "share", "failed", "batches"], rows: perWorker },
    {
      title: "Failed requests",
      columns: ["what was done, and code", "count", "sample"],
      rows: requestErrors.map(({ code, count: times, sample }) => [code, count(times), sample]),
    },
  ];
}

function detailsOf({
  scenarioId,
  table,
  rows,
  verification,
  workers,
  requestErrors,
}: LoadResult): readonly DetailRow[] {
  const account = {
    scenario_id: scenarioId,
    table_name: table,
    acknowledged: rows.acknowledged,
    written: rows.written,
    ignored: rows.ignored,
    refused: rows.refused,
    unknown: rows.unknown,
    batches: rows.batches,
    bytes: rows.bytes,
    requests: rows.requests,
    failed_requests: rows.failedRequests,
    retries: rows.retries,
    halvings: rows.halvings,
    pauses: rows.pauses,
    rows_before: verification?.before ?? null,
    rows_after: verification?.after ?? null,
    agrees: verification?.agrees ?? null,
  };
  return [
    { table: "row_accounting", row: account },
    ...workers.map((each) => ({ table: "worker_accounting", row: { scenario_id: scenarioId, ...each } })),
    ...requestErrors.map((each) => ({ table: "request_errors", row: { scenario_id: scenarioId, ...each } })),
  ];
}
