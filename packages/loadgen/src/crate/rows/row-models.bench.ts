/** Rows generated, encoded and joined to a body, per second of a processor. `--smoke` for a tiny run. */

import { cpuModel } from "./cpu-model.ts";
import { recordModel } from "./record-model.ts";
import { nonceOfSeed, RowIds } from "./row-ids.ts";

function main(): void {
  const rounds = process.argv.includes("--smoke") ? 2 : 300;
  for (const [name, model] of Object.entries({
    records: recordModel(0),
    "records, 10 objects": recordModel(10),
    cpu: cpuModel,
  })) {
    const source = model.source(1, 0, new RowIds(nonceOfSeed(1), 0));
    const rows: string[] = [];
    let bytes = 0;
    const started = process.cpuUsage();
    for (let round = 0; round < rounds; round++) {
      rows.length = 0;
      for (let i = 0; i < 1000; i++) rows.push(source.row('"2024-01-01T00:00:00.000Z"'));
      bytes += Buffer.byteLength(`[${rows.join(",")}]`);
    }
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    const perSecond = (rounds * 1000) / seconds;
    process.stdout.write(`${name}: ${perSecond.toFixed(0)} rows/s, ${(bytes / rounds / 1000).toFixed(0)} bytes each\n`);
  }
}

main();
