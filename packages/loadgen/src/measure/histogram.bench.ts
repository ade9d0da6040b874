/** Times recorded per second. `--smoke` for a tiny run. */

import { Histogram } from "./histogram.ts";

function main(): void {
  const rounds = process.argv.includes("--smoke") ? 10 : 5000;
  const values = Float64Array.from({ length: 4096 }, (_, index) => 50_000 + ((index * 7919) % 4096) * 5000);
  const histogram = new Histogram();
  for (let run = 0; run < 3; run++) {
    const startedMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < values.length; i++) histogram.record(values[i]!);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const perSecond = (rounds * values.length) / seconds;
    process.stdout.write(`record: ${(perSecond / 1e6).toFixed(0)} M/s, ${(1e9 / perSecond).toFixed(1)} ns each\n`);
  }
}

main();
