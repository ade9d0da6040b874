/**
 * Limits that a run must keep: `p99<20ms`, `loss=0`, `rows/s>=10000`, `delivery>=99.9%`.
 *
 *     figure operator value
 *     figure    the name of one of the tool's metrics
 *     operator  <  <=  >  >=  =
 *     value     a number; with a suffix where the metric's unit has some (20ms, 99.9%, 150MB)
 */

import { loadgenErrors } from "../errors.ts";
import { findMetric, type Judged, type Metric, units } from "./metrics.ts";
import type { ThresholdResult } from "./result.ts";

export interface Threshold {
  readonly text: string;
  readonly figure: string;
  readonly operator: Operator;
  readonly value: number;
}

const operators = {
  "<=": (a: number, b: number) => a <= b,
  ">=": (a: number, b: number) => a >= b,
  "<": (a: number, b: number) => a < b,
  ">": (a: number, b: number) => a > b,
  "=": (a: number, b: number) => a === b,
} as const;
type Operator = keyof typeof operators;

/** Throws THRESHOLD_INVALID. */
export function parseThreshold(metrics: readonly Metric[], text: string): Threshold {
  const match = /^\s*([\w./]+)\s*(<=|>=|<|>|=)\s*([\d.]+)\s*([A-Za-zµ%]*)\s*$/.exec(text);
  if (match === null) throw loadgenErrors.THRESHOLD_INVALID({ text, problem: "it is not FIGURE OPERATOR VALUE" });
  const [, figure = "", operator, digits, suffix = ""] = match;
  const metric = findMetric(metrics, figure);
  if (metric === undefined) throw loadgenErrors.THRESHOLD_INVALID({ text, problem: `there is no figure ${figure}` });
  const { suffixes, wanted } = units[metric.unit];
  const number = Number(digits);
  const factor = suffixes[suffix];
  if (!Number.isFinite(number) || factor === undefined) {
    throw loadgenErrors.THRESHOLD_INVALID({ text, problem: `${figure} is compared with ${wanted}` });
  }
  return { text: text.trim(), figure, operator: operator as Operator, value: number * factor };
}

/** What was not measured keeps no threshold. */
export function judgeThresholds(
  metrics: readonly Metric[],
  thresholds: readonly Threshold[],
  result: Judged,
): readonly ThresholdResult[] {
  return thresholds.map(({ text, figure, operator, value }) => {
    const actual = findMetric(metrics, figure)?.read(result) ?? NaN;
    const isMeasured = !Number.isNaN(actual);
    return {
      text,
      figure,
      actual: isMeasured ? actual : null,
      isKept: isMeasured && operators[operator](actual, value),
    };
  });
}
