/**
 * Limits that a run must keep: `p99<20ms`, `loss=0`, `received>=100000`, `delivery>=99.9%`.
 *
 *     figure operator value
 *     figure    one of `figureNames`; a percentile is of the latency from the intended time, `actual.p99` of the other
 *     operator  <  <=  >  >=  =
 *     value     a number; with a unit where the figure is a time (us, ms, s, m) or a share (%)
 */

import { loadgenErrors } from "../errors.ts";
import type { RunResult, ThresholdResult, TimingSummary } from "./result.ts";

export interface Threshold {
  readonly text: string;
  readonly figure: string;
  readonly operator: Operator;
  readonly value: number;
}

type Judged = Omit<RunResult, "thresholds">;
type Unit = "time" | "share" | "count";

const operators = {
  "<=": (a: number, b: number) => a <= b,
  ">=": (a: number, b: number) => a >= b,
  "<": (a: number, b: number) => a < b,
  ">": (a: number, b: number) => a > b,
  "=": (a: number, b: number) => a === b,
} as const;
type Operator = keyof typeof operators;

const latencyFigures: Readonly<Record<string, keyof TimingSummary>> = {
  min: "minNs",
  mean: "meanNs",
  p50: "p50Ns",
  p75: "p75Ns",
  p90: "p90Ns",
  p95: "p95Ns",
  p99: "p99Ns",
  "p99.9": "p999Ns",
  "p99.99": "p9999Ns",
  max: "maxNs",
};

/** A word before the percentile, `ack.p99`, and which time it means. */
const latencyPrefixes = {
  "": "endToEnd",
  "actual.": "endToEndActual",
  "ack.": "ack",
  "lag.": "sendLag",
  "connect.": "connack",
  "subscribe.": "suback",
  "reconnect.": "reconnect",
  "retained.": "retained",
} as const;

const otherFigures: Readonly<Record<string, { readonly unit: Unit; readonly read: (result: Judged) => number }>> = {
  loss: { unit: "count", read: ({ delivery }) => delivery.lost },
  delivery: { unit: "share", read: ({ delivery }) => delivery.rate },
  duplicates: { unit: "count", read: ({ delivery }) => delivery.duplicates },
  disordered: { unit: "count", read: ({ delivery }) => delivery.outOfOrder },
  late: { unit: "count", read: ({ delivery }) => delivery.late },
  corrupt: { unit: "count", read: ({ delivery }) => delivery.corrupt },
  unsent: { unit: "count", read: ({ delivery }) => delivery.unsent },
  errors: { unit: "count", read: ({ counters }) => counters.errors },
  sent: { unit: "count", read: ({ counters }) => counters.sent },
  received: { unit: "count", read: ({ delivery }) => delivery.received },
  "sent.rate": { unit: "count", read: ({ rates }) => rates.sent },
  "received.rate": { unit: "count", read: ({ rates }) => rates.received },
  warnings: { unit: "count", read: ({ warnings }) => warnings.length },
};

/** For help. */
export const figureNames: readonly string[] = [...Object.keys(latencyFigures), ...Object.keys(otherFigures)];
export const figurePrefixes: readonly string[] = Object.keys(latencyPrefixes).filter((prefix) => prefix !== "");

const timeUnits: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 };

/** Throws THRESHOLD_INVALID. */
export function parseThreshold(text: string): Threshold {
  const match = /^\s*([\w.]+)\s*(<=|>=|<|>|=)\s*([\d.]+)\s*([a-zµ%]*)\s*$/.exec(text);
  if (match === null) throw loadgenErrors.THRESHOLD_INVALID({ text, problem: "it is not FIGURE OPERATOR VALUE" });
  const [, figure = "", operator, digits, unit = ""] = match;
  const found = findFigure(figure);
  if (found === undefined) throw loadgenErrors.THRESHOLD_INVALID({ text, problem: `there is no figure ${figure}` });
  const number = Number(digits);
  const factor = factorOf(found.unit, unit);
  if (!Number.isFinite(number) || factor === undefined) {
    const wanted = { time: "a time such as 20ms", share: "a share such as 99.9%", count: "a number" }[found.unit];
    throw loadgenErrors.THRESHOLD_INVALID({ text, problem: `${figure} is compared with ${wanted}` });
  }
  return { text: text.trim(), figure, operator: operator as Operator, value: number * factor };
}

function factorOf(kind: Unit, unit: string): number | undefined {
  if (kind === "time") return timeUnits[unit];
  if (unit === "%") return kind === "share" ? 0.01 : undefined;
  return unit === "" ? 1 : undefined;
}

function findFigure(name: string): { readonly unit: Unit; readonly read: (result: Judged) => number } | undefined {
  const other = otherFigures[name];
  if (other !== undefined) return other;
  for (const [prefix, timing] of Object.entries(latencyPrefixes)) {
    const field = name.startsWith(prefix) ? latencyFigures[name.slice(prefix.length)] : undefined;
    if (field === undefined) continue;
    return {
      unit: "time",
      read: ({ timings: { [timing]: times } }) => (times.count === 0 ? NaN : Number(times[field])),
    };
  }
  return undefined;
}

/** A time of nothing is no time, and no threshold on it is kept. */
export function judgeThresholds(thresholds: readonly Threshold[], result: Judged): readonly ThresholdResult[] {
  return thresholds.map(({ text, figure, operator, value }) => {
    const actual = findFigure(figure)!.read(result);
    const isMeasured = !Number.isNaN(actual);
    return {
      text,
      figure,
      actual: isMeasured ? actual : null,
      isKept: isMeasured && operators[operator](actual, value),
    };
  });
}
