/**
 * What retained topics cost: memory per topic, replacing a value, finding by filter. 100,000 topics of 5 levels. Not in
 * it: the messages themselves.
 *
 *     node packages/broker/dist/router/retained-index.bench.js [--smoke]
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RetainedIndex } from "./retained-index.ts";

const topicOf = (i: number): string => `plant/${i % 100}/line/device-${i >> 2}/sensor-${i & 3}`;

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

function report(name: string, figure: number, unit: string): void {
  process.stdout.write(`${name.padEnd(48)} ${figure.toFixed(2).padStart(8)} ${unit}\n`);
}

function main(args: readonly string[]): void {
  const count = args.includes("--smoke") ? 1_000 : 100_000;
  const value = {};
  const topics = Array.from({ length: count }, (_, i) => topicOf(i));
  const before = heapUsed();
  const index = new RetainedIndex<object>();
  const startedMs = performance.now();
  for (const topic of topics) index.set(topic, value);
  report("set, new topics", count / (performance.now() - startedMs) / 1000, "M/s");
  report("memory per topic, its name not counted", (heapUsed() - before) / count, "bytes");
  const replacedMs = performance.now();
  for (const topic of topics) index.set(topic, value);
  report("set, known topics", count / (performance.now() - replacedMs) / 1000, "M/s");
  for (const filter of ["#", "plant/7/#", "plant/+/line/+/sensor-1", "+/+/+/+/nothing", topicOf(9)]) {
    let found = 0;
    const matchedMs = performance.now();
    for (const each of index.match(filter)) if (each === value) found++;
    report(`match ${filter}: ${found} found`, performance.now() - matchedMs, "ms");
  }
}

main(process.argv.slice(2));
