/** Renders a registry in the Prometheus text exposition format, version 0.0.4. */

import { Counter, Gauge, type Histogram, type Labels, type Metric, type MetricRegistry } from "./metrics.ts";

export function renderPrometheus(registry: MetricRegistry): string {
  const lines: string[] = [];
  for (const family of registry.families()) {
    lines.push(`# HELP ${family.name} ${escapeHelp(family.help)}`, `# TYPE ${family.name} ${family.type}`);
    for (const metric of family.series) renderSeries(lines, family.name, metric);
    if (family.collect !== undefined) for (const metric of family.collect()) renderSeries(lines, family.name, metric);
  }
  return `${lines.join("\n")}\n`;
}

function renderSeries(lines: string[], name: string, metric: Metric): void {
  if (metric instanceof Counter) lines.push(`${name}${renderLabels(metric.labels)} ${metric.value}`);
  else if (metric instanceof Gauge) lines.push(`${name}${renderLabels(metric.labels)} ${metric.read()}`);
  else renderHistogram(lines, name, metric);
}

function renderHistogram(lines: string[], name: string, histogram: Histogram): void {
  let cumulative = 0;
  for (let i = 0; i <= histogram.bounds.length; i++) {
    cumulative += histogram.counts[i]!;
    const le = i < histogram.bounds.length ? String(histogram.bounds[i]) : "+Inf";
    lines.push(`${name}_bucket${renderLabels({ ...histogram.labels, le })} ${cumulative}`);
  }
  lines.push(`${name}_sum${renderLabels(histogram.labels)} ${histogram.sum}`);
  lines.push(`${name}_count${renderLabels(histogram.labels)} ${histogram.count}`);
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeHelp(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replace(/"/g, '\\"');
}
