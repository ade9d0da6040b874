/** A result as text for people. */

import { median } from "./comparison.ts";
import type { Timing } from "./recorder.ts";
import type { RunResult, TimingSummary } from "./result.ts";
import type { TargetCost } from "./target-cost.ts";

export function renderSummary(result: RunResult): string {
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
        ({ text, actual, isKept }) => `${isKept ? "kept  " : "BROKEN"} ${text} (${showFigure(text, actual)})`,
      ),
    ),
    ...listSection("WARNINGS", result.warnings),
    `run ${result.runId}`,
    "",
  ].join("\n");
}

/** Median and extremes over several runs. */
export function renderSpread(results: readonly RunResult[]): string {
  const row = (name: string, read: (result: RunResult) => number, show: (value: number) => string) => {
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

type Rows = readonly (readonly [name: string, value: string])[];

function section(title: string, rows: Rows): readonly string[] {
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`), ""];
}

function listSection(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ""];
}

function connectionRows({ counters, connectNs }: RunResult): Rows {
  return [
    ["attempted", count(counters.connectAttempts)],
    ["connected", `${count(counters.connected)}, in ${duration(connectNs)}`],
    ["failed", count(counters.connectFailed)],
    ["lost and made again", `${count(counters.disconnected)}, ${count(counters.reconnected)}`],
    ["subscribed", count(counters.subscribed)],
  ];
}

function throughputRows({ counters, rates, measuredNs, drain }: RunResult): Rows {
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

function deliveryRows({ delivery, subscriptions }: RunResult): Rows {
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

const latencyTitles: Readonly<Record<Timing, string>> = {
  endToEnd: "from when it was due",
  endToEndActual: "from when it was sent",
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

function latencySection({ timings }: RunResult): readonly string[] {
  const rows = (Object.keys(latencyTitles) as Timing[])
    .filter((timing) => timings[timing].count > 0)
    .map((timing) => {
      const cells = columns.map(([, field]) => duration(Number(timings[timing][field])).padStart(10));
      return `  ${latencyTitles[timing].padEnd(24)}${cells.join("")}`;
    });
  if (rows.length === 0) return [];
  return ["LATENCY", `  ${" ".repeat(24)}${columns.map(([name]) => name.padStart(10)).join("")}`, ...rows, ""];
}

function generatorRows({ generator }: RunResult): Rows {
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

/** What a threshold's figure came to, in the unit of its text. */
export function showFigure(text: string, actual: number | null): string {
  if (actual === null) return "nothing measured";
  if (/(?:us|µs|ms|ns|s|m)\s*$/.test(text)) return duration(actual);
  return text.includes("%") ? `${(actual * 100).toFixed(3)} %` : count(actual);
}

/** `1.234 ms`: three or four digits and a unit. */
export function duration(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(ns >= 1e8 ? 0 : 2)} ms`;
  return `${(ns / 1e3).toFixed(0)} µs`;
}

/** `1,234,567`, without a fraction from 10 on. */
export function count(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(2) : value.toFixed(0);
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
