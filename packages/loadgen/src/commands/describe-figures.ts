/** For help: what thresholds may name. */

import { type Metric, timeNames } from "../measure/metrics.ts";

/** Kinds of time are named by their prefix once, not by each percentile. */
export function describeFigures(metrics: readonly Metric[]): string {
  const isTime = ({ name }: Metric) => timeNames.some((time) => name === time || name.endsWith(`.${time}`));
  const prefixes = metrics.filter(({ name }) => name.endsWith(".p50")).map(({ name }) => name.slice(0, -"p50".length));
  const names = [...timeNames, ...metrics.filter((metric) => !isTime(metric)).map(({ name }) => name)];
  return `Figures of thresholds: ${names.join(", ")}; times also with ${prefixes.join(", ")} in front.`;
}
