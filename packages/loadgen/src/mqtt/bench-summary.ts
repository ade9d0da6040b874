/** A result of mqtt-bench as text for people. */

import { median } from "../measure/comparison.ts";
import { count, duration, listSection, type Rows, section } from "../measure/figure-text.ts";
import { type Metric, showThreshold } from "../measure/metrics.ts";
import type { TimingSummary } from "../measure/result.ts";
import type { TargetCost } from "../measure/target-cost.ts";
import type { BenchTiming } from "./bench-measures.ts";
import type { BenchResult } from "./bench-result.ts";

/** `metrics`: those that its thresholds name. */
export function renderSummary(result: BenchResult, metrics: readonly Metric[]): string {
  return [
    `${result.scenario} against ${result.target.name ?? `${result.target.host}:${result.target.port}`}${result.isPartial ? " (partial: stopped early)" : ""}`,
    "",
    ...section("CONNECTIONS", connectionRows(result)),
    ...section("THROUGHPUT", throughputRows(result)),
    ...section("DELIVERY", deliveryRows(result)),
    ...latencySection(result),
    ...section("GENERATOR", generatorRows(result)),
    ...(result.targetCost === undefined ? [] : section("BROKER", targetRows(result.targetCost))),
    ...listSection(
      "ERRORS",
      result.errors.slice(0, 10).map(({ code, count, sample }) => `${count} × ${code}: ${sample}`),
    ),
    ...listSection(
      "THRESHOLDS",
      result.thresholds.map(
        (each) => `${each.isKept ? "kept  " : "BROKEN"} ${each.text} (${showThreshold(metrics, each)})`,
      ),
    ),
    ...listSection("WARNINGS", result.warnings),
    `run ${result.runId}`,
    "",
  ].join("\n");
}

/** Median and extremes over several runs. */
export function renderSpread(results: readonly BenchResult[]): string {
  const row = (name: string, read: (result: BenchResult) => number, show: (value: number) => string) => {
    const values = results.map(read);
    const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)].map(show);
    return [name, `${middle} (${low} to ${high})`] as const;
  };
  const rows = [
    row("received per second", ({ rates }) => rates.received, count),
    row("p50", ({ timings }) => timings.endToEnd.p50Ns, duration),
    row("p99", ({ timings }) => timings.endToEnd.p99Ns, duration),
    row("lost", ({ delivery }) => delivery.lost, count),
  ];
  return section(`MEDIAN OF ${results.length} RUNS`, rows).join("\n");
}

function connectionRows({ counters, connectNs }: BenchResult): Rows {
  return [
    ["attempted", count(counters.connectAttempts)],
    ["connected", `${count(counters.connected)}, in ${duration(connectNs)}`],
    ["failed", count(counters.connectFailed)],
    ["lost and made again", `${count(counters.disconnected)}, ${count(counters.reconnected)}`],
    ["subscribed", count(counters.subscribed)],
  ];
}

function throughputRows({ counters, rates, measuredNs, drain }: BenchResult): Rows {
  const seconds = measuredNs / 1e9;
  const mebibytes = (bytes: number) => (seconds === 0 ? "0" : (bytes / seconds / 2 ** 20).toFixed(2));
  return [
    ["measured", `${seconds.toFixed(1)} s`],
    ["offered", rates.offered === 0 ? "no schedule" : `${count(rates.offered)} msg/s`],
    ["sent", `${count(rates.sent)} msg/s, ${count(counters.sent)} in all, ${mebibytes(counters.bytesSent)} MiB/s`],
    [
      "received",
      `${count(rates.received)} msg/s, ${count(counters.received)} in all, ${mebibytes(counters.bytesReceived)} MiB/s`,
    ],
    ...(drain === undefined
      ? []
      : ([
          [
            "drained",
            `${count(drain.messages)} in ${duration(drain.ns)}, ${count(drain.messages / (drain.ns / 1e9))} msg/s`,
          ],
        ] as const)),
    ...(counters.acked > 0 ? ([["acknowledged", count(counters.acked)]] as const) : []),
  ];
}

function deliveryRows({ delivery, subscriptions }: BenchResult): Rows {
  const { expected, received, lost, duplicates, outOfOrder, late, corrupt, unsent, rate } = delivery;
  const shared = subscriptions.filter(({ fairness }) => fairness !== undefined);
  return [
    ["expected", count(expected)],
    ["received", `${count(received)} (${(rate * 100).toFixed(rate === 1 || rate < 0.99 ? 1 : 4)} %)`],
    ["lost", count(lost)],
    ["duplicated", count(duplicates)],
    ["out of order", count(outOfOrder)],
    ["late", count(late)],
    ["corrupt", count(corrupt)],
    ["due and not sent", count(unsent)],
    ...shared.map(({ filter, members, fairness }) => {
      const { min, max, gini } = fairness!;
      return [
        "fairness",
        `${members} members of ${filter}: ${count(min)} to ${count(max)}, Gini ${gini.toFixed(3)}`,
      ] as const;
    }),
  ];
}

const latencyTitles: Readonly<Record<BenchTiming, string>> = {
  endToEnd: "from when it was due",
  endToEndActual: "from when it was sent",
  firstReceiver: "  at the first receiver",
  lastReceiver: "  at the last receiver",
  sendLag: "send lag",
  generatorLag: "generator's own lag",
  ack: "publish to ack",
  connect: "network connection",
  connack: "CONNECT to CONNACK",
  suback: "SUBSCRIBE to SUBACK",
  reconnect: "lost to connected again",
  retained: "SUBSCRIBE to retained",
};

const columns: readonly (readonly [string, keyof TimingSummary])[] = [
  ["p50", "p50Ns"],
  ["p90", "p90Ns"],
  ["p99", "p99Ns"],
  ["p99.9", "p999Ns"],
  ["max", "maxNs"],
  ["mean", "meanNs"],
];

function latencySection({ timings }: BenchResult): readonly string[] {
  const rows = (Object.keys(latencyTitles) as BenchTiming[])
    .filter((timing) => (timings[timing]?.count ?? 0) > 0) // Runs of earlier versions lack some.
    .map((timing) => {
      const cells = columns.map(([, field]) => duration(Number(timings[timing][field])).padStart(10));
      return `  ${latencyTitles[timing].padEnd(24)}${cells.join("")}`;
    });
  if (rows.length === 0) return [];
  return ["LATENCY", `  ${" ".repeat(24)}${columns.map(([name]) => name.padStart(10)).join("")}`, ...rows, ""];
}

function generatorRows({ generator }: BenchResult): Rows {
  const { cpuCoresMean, cpuCoresMax, cores, memoryBytesMax, loopDelayP99NsMax, lagP99Ns } = generator;
  return [
    ["processor", `${cpuCoresMean.toFixed(2)} cores, at most ${cpuCoresMax.toFixed(2)}, of ${cores}`],
    ["memory", `at most ${(memoryBytesMax / 2 ** 20).toFixed(0)} MiB`],
    ["own lag p99", duration(lagP99Ns)],
    ["loop delay p99", `at most ${duration(loopDelayP99NsMax)}`],
  ];
}

function targetRows(cost: TargetCost): Rows {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const { what, cpuCoresMean, cpuCoresMax, cpuSeconds, cpuSecondsPerMillion, coresAt100k } = cost;
  return [
    ["seen as", what],
    ["processor", `${cpuCoresMean.toFixed(2)} cores, at most ${cpuCoresMax.toFixed(2)}; ${cpuSeconds.toFixed(2)} s`],
    [
      "memory",
      `${mebibytes(cost.memoryBytesMean)}, p95 ${mebibytes(cost.memoryBytesP95)}, at most ${mebibytes(cost.memoryBytesMax)} of ${mebibytes(cost.memoryLimitBytes)}`,
    ],
    ["network", `${mebibytes(cost.networkReadBytes)} in, ${mebibytes(cost.networkWrittenBytes)} out, without loopback`],
    ["cost", `${cpuSecondsPerMillion.toFixed(2)} s of a processor per million messages received`],
    ["capacity, estimated", `${coresAt100k.toFixed(2)} cores for 100,000 messages received per second`],
  ];
}
