/**
 * A table in the manner of the Time Series Benchmark Suite's "cpu-only": hosts in turn, each with its tags, ten whole numbers
 * that walk at random between 0 and 100. Unlike there every row has an identifier, so that rows can be told apart and
 * sent again, and times are the time of writing.
 */

import { SeededRandom } from "./random.ts";
import type { RowIds } from "./row-ids.ts";
import { RowText } from "./row-text.ts";
import type { RowModel, RowSource } from "./table-shape.ts";

const fields = [
  "usage_user",
  "usage_system",
  "usage_idle",
  "usage_nice",
  "usage_iowait",
  "usage_irq",
  "usage_softirq",
  "usage_steal",
  "usage_guest",
  "usage_guest_nice",
];
const regions = ["us-east-1", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "sa-east-1"];
const systems = ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"];
const teams = ["SF", "NYC", "LON", "CHI"];
/** Hosts of one thread. */
const hostCount = 100;
/** Bytes, with room to spare. */
const rowSizeMax = 1024;

export const cpuModel: RowModel = {
  shape: {
    columns: [
      { name: "id", type: "TEXT" },
      { name: "ts", type: "TIMESTAMP WITH TIME ZONE" },
      { name: "tags", type: "OBJECT(DYNAMIC)" },
      ...fields.map((name) => ({ name, type: "INTEGER" })),
    ],
    primaryKey: ["id"],
  },
  source: (seed, thread, ids) => new CpuSource(seed, thread, ids),
};

class CpuSource implements RowSource {
  readonly #random: SeededRandom;
  readonly #ids: RowIds;
  readonly #text = new RowText(rowSizeMax);
  readonly #tags: readonly string[];
  readonly #usage = new Uint8Array(hostCount * fields.length);
  #host = 0;

  constructor(seed: number, thread: number, ids: RowIds) {
    this.#ids = ids;
    this.#random = new SeededRandom(seed, thread);
    const random = this.#random;
    const oneOf = (values: readonly string[]) => values[random.below(values.length)];
    this.#tags = Array.from({ length: hostCount }, (_, i) =>
      JSON.stringify({
        hostname: `host_${thread * hostCount + i}`,
        region: oneOf(regions),
        rack: String(random.below(100)),
        os: oneOf(systems),
        team: oneOf(teams),
      }),
    );
    for (let i = 0; i < this.#usage.length; i++) this.#usage[i] = random.below(101);
  }

  row(now: string): string {
    const host = this.#host;
    this.#host = (host + 1) % hostCount;
    const text = this.#text;
    text.put('["');
    this.#ids.putNext(text);
    text.put('",');
    text.put(now);
    text.put(",");
    text.put(this.#tags[host]!);
    for (let i = host * fields.length; i < (host + 1) * fields.length; i++) {
      const step = this.#random.below(3) - 1;
      const usage = Math.min(100, Math.max(0, this.#usage[i]! + step));
      this.#usage[i] = usage;
      text.put(",");
      text.number(usage);
    }
    text.put("]");
    return text.take();
  }
}
