/** `mqtt-bench list`: the newest runs of a result file. */

import { defineOptions, renderHelp, resolveOptions } from "@polylog/base/options";
import { exitCodes } from "../exit-codes.ts";
import { count, duration } from "../measure/render-summary.ts";
import { ResultStore } from "../store/result-store.ts";
import { type Environment, envPrefix } from "./command.ts";
import { renderTable } from "./render-table.ts";
import { storeOptions } from "./store-options.ts";

const listOptions = defineOptions({
  ...storeOptions,
  limit: { flag: "limit", type: "integer", default: 10, min: 1, max: 100_000, group: "Results", help: "how many runs" },
  json: { flag: "json", type: "boolean", default: false, group: "Results", help: "print JSON" },
});

export async function list(argv: readonly string[], { env, stdout }: Environment): Promise<number> {
  if (argv.includes("--help")) {
    stdout.write(
      renderHelp(listOptions, { usage: "mqtt-bench list [options]", summary: "Lists the newest runs.", envPrefix }),
    );
    return exitCodes.fine;
  }
  const { values } = resolveOptions(listOptions, { argv, env, envPrefix });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const rows = await store.list(values.limit);
    if (values.json) stdout.write(`${JSON.stringify(rows)}\n`);
    else {
      const cells = rows.map((row) => ({
        run: row.runId,
        started: row.startedAt.slice(0, 19).replace("T", " "),
        broker: row.broker,
        scenario: row.scenario,
        qos: row.qos,
        pubs: row.publishers,
        subs: row.subscribers,
        rate: row.rate,
        "received/s": row.receivedRate === undefined ? "-" : count(row.receivedRate),
        delivery: row.deliveryRate === undefined ? "-" : `${(row.deliveryRate * 100).toFixed(2)} %`,
        p99: row.p99Ns === undefined ? "-" : duration(row.p99Ns),
        notes: `${row.isPartial ? "(partial) " : ""}${row.notes}`,
      }));
      stdout.write(renderTable(cells));
    }
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}
