/** A load as text: the documented lines, and under them what they leave out. */

import { count, duration } from "../../measure/figure-text.ts";
import { type Metric, showThreshold } from "../../measure/metrics.ts";
import type { TimingSummary } from "../../measure/result.ts";
import type { RowAccount, Verification } from "../load/row-account.ts";
import { acknowledgedOf, failedOf } from "../load/row-account.ts";
import type { LoadResult } from "./load-result.ts";

const rule = "=".repeat(60);

/** `15,234.5` */
export function oneDecimal(value: number): string {
  const [whole = "", fraction = ""] = value.toFixed(1).split(".");
  return `${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",")}.${fraction}`;
}

export function renderPerformance(
  currentRate: number,
  averageRate: number,
  account: Readonly<RowAccount>,
  threads: number,
): string {
  return [
    `Performance: ${oneDecimal(currentRate)} records/sec (current), ${oneDecimal(averageRate)} records/sec (avg)`,
    `Total: ${count(acknowledgedOf(account))} records, Batches: ${count(account.batches)}, Threads: ${threads}, Errors: ${count(failedOf(account))}`,
    "",
  ].join("\n");
}

/** `metrics`: those that its thresholds name. */
export function renderLoad(result: LoadResult, metrics: readonly Metric[]): string {
  const { rows, rates, measuredNs, database, isPartial, endedBy, settings } = result;
  const threads = Number(settings["threads"]);
  const early = isPartial ? ` (partial: ended by ${endedBy})` : endedBy === "Ctrl-C" ? " (ended by Ctrl-C)" : "";
  const marked: readonly (readonly [string, string])[] = [
    ["Worker threads", count(threads)],
    ["Total records inserted", count(rows.acknowledged)],
    ["Total batches", count(rows.batches)],
    ["Total runtime", `${oneDecimal(measuredNs / 1e9)} seconds`],
    ["Average insertion rate", `${oneDecimal(rates.received)} records/second`],
    ["Records per thread", `${count(rows.acknowledged / threads)} avg`],
    ["Total errors", count(rows.failed)],
  ];
  return [
    rule,
    `FINAL PERFORMANCE SUMMARY${early}`,
    rule,
    ...marked.map(([name, value]) => `✓ ${name}: ${value}`),
    rule,
    `Database: ${database.name}${database.version === "" ? "" : `; version ${database.version}`}; ${database.isEmbedded ? "started for this run" : database.address}`,
    ...requestLines(result),
    ...latencyLines(result),
    ...errorLines(result),
    ...result.thresholds.map(
      (each) => `Threshold ${each.text}: ${each.isKept ? "kept" : "BROKEN"} (${showThreshold(metrics, each)})`,
    ),
    ...result.warnings.map((warning) => `Note: ${warning}`),
    `Run: ${result.runId}`,
    renderVerification(rows, result.verification),
    "",
  ].join("\n");
}

/** The one line that says whether every row is accounted for. */
export function renderVerification(
  { acknowledged, refused, unknown }: LoadResult["rows"],
  verification: Verification | undefined,
): string {
  const account = `Rows: ${count(acknowledged)} acknowledged, ${count(refused)} failed, ${count(unknown)} unknown`;
  if (verification === undefined) return `${account}; the table was not counted`;
  const { before, after, present, least, most, agrees } = verification;
  const table = `${count(present)} present (${count(before)} before, ${count(after)} after)`;
  if (agrees) return `${account}; ${table}: they agree`;
  const wanted = least === most ? count(least) : `${count(least)} to ${count(most)}`;
  const word = present < least ? `${count(least - present)} missing` : `${count(present - most)} too many`;
  return `${account}; ${table}: THEY DISAGREE, ${wanted} expected, ${word}`;
}

function requestLines({ rows }: LoadResult): readonly string[] {
  const { requests, failedRequests, retries, halvings, ignored, pauses } = rows;
  const more = ignored > 0 ? `; ${count(ignored)} of the rows were there already when they were sent` : "";
  return [
    `Requests: ${count(requests)}, ${count(failedRequests)} failed, ${count(retries)} sent again, ${count(halvings)} halved, ${count(pauses)} pauses${more}`,
  ];
}

function latencyLines({ timings }: LoadResult): readonly string[] {
  const line = (title: string, { count: times, p50Ns, p95Ns, p99Ns, maxNs }: TimingSummary) =>
    times === 0
      ? []
      : [`${title}: p50 ${duration(p50Ns)}, p95 ${duration(p95Ns)}, p99 ${duration(p99Ns)}, max ${duration(maxNs)}`];
  return [
    ...line("Batch, from when it was due", timings.endToEnd),
    ...line("Batch, from when it was sent", timings.endToEndActual),
    ...line("Request", timings.ack),
  ];
}

/** Codes that are shown. */
const codesMax = 10;

function errorLines({ errors, requestErrors }: LoadResult): readonly string[] {
  return [
    ...errors
      .slice(0, codesMax)
      .map(({ code, count: times, sample }) => `Rows failed: ${count(times)} × ${code}: ${sample}`),
    ...requestErrors
      .slice(0, codesMax)
      .map(({ code, count: times, sample }) => `Requests failed: ${count(times)} × ${code}: ${sample}`),
  ].map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, " "));
}
