/**
 * Appends to a partition on real files as fast as it is acknowledged, and says so line by line, until it is killed.
 *
 *     node kill-child.js DIRECTORY written|synced
 */

import { writeSync } from "node:fs";
import { systemClock } from "@polylog/base/clock";
import { EmbeddedPartition } from "../embedded-partition.ts";
import { FileStorage } from "../storage/file-storage.ts";
import { TailCache } from "../tail-cache.ts";

const level = process.argv[3] === "synced" ? "synced" : "written";
const valueSizeMax = level === "synced" ? 300 : 3000;

const partition = new EmbeddedPartition({
  log: "orders",
  number: 0,
  storage: new FileStorage(process.argv[2]!),
  directory: "orders/0",
  clock: systemClock,
  cache: new TailCache(),
  segmentSizeMax: 256 * 1024,
});

const producer = {
  onDurable: (offset: number): void => {
    writeSync(1, `${offset}\n`);
    append();
  },
};

function append(): void {
  const offset = partition.nextOffset;
  const value = Buffer.from(`${offset} ${"x".repeat((offset * 37) % valueSizeMax)}`);
  partition.appendValue(value, 0, value.length);
  partition.whenDurable(offset + 1, level, producer, offset);
}

await partition.open();
for (let producers = 0; producers < 8; producers++) append();
setInterval(() => undefined, 60_000); // Nothing else keeps the process while it waits for a turn.
