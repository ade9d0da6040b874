import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { MemoryBroker } from "@polylog/broker/testing";
import { InsertFault, type RowResult } from "@polylog/crate-writer";
import { batchBytesMax, batchesMax } from "../limits.ts";
import { LogSink } from "./log-sink.ts";
import { parseSinkRule } from "./sink-rule.ts";
import type { SinkTarget } from "./sink-target.ts";

/** A table in memory, which may be away. */
class MemoryTarget implements SinkTarget {
  readonly rows: string[] = [];
  isAway = false;
  isGone = false;

  prepare(): Promise<readonly string[]> {
    return Promise.resolve(["partition", "offset", "field"]);
  }

  transport(): ReturnType<SinkTarget["transport"]> {
    const insert = (rows: readonly string[]): Promise<readonly RowResult[]> => {
      if (this.isAway) return Promise.reject(new InsertFault("later", "ECONNREFUSED", "away"));
      if (this.isGone) return Promise.reject(new InsertFault("refused", "4041", "Relation 't' unknown"));
      this.rows.push(...rows);
      return Promise.resolve(rows.map(() => ({ fate: "written", code: "", message: "" })));
    };
    return { insert, close: () => Promise.resolve() };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function start() {
  const memory = await MemoryBroker.start();
  const { broker, clock } = memory;
  const target = new MemoryTarget();
  const rule = parseSinkRule("l=crate:embedded/t");
  const sink = new LogSink({ rule, target, broker, clock, logger: silentLogger, metrics: new MetricRegistry() });
  const starting = sink.start();
  await memory.run();
  await starting;
  await memory.run();
  const log = broker.catalog.require("l");
  const append = async (value: string): Promise<void> => {
    log.appendRecord(log.partitions[0]!, { value: Buffer.from(value) });
    await memory.run();
  };
  return { memory, broker, target, append, channel: log.channels.get("sink")! };
}

test("makes rows of records and finishes them", async () => {
  const { memory, target, append, channel } = await start();
  await append('{"field":1}');
  await memory.advance(200);
  assert.deepEqual(target.rows, ["[0,0,1]"]);
  assert.deepEqual([channel.depth, channel.inFlightCount], [0, 0]);
});

test("buries a value that is nested too deep to be written", async () => {
  const { memory, broker, target, append, channel } = await start();
  await append(`{"field":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  await append('{"field":2}');
  for (let i = 0; i < 10; i++) await memory.advance(200);
  assert.deepEqual(target.rows, ["[0,1,2]"]);
  assert.equal(broker.catalog.require("l.dead").partitions[0]!.nextOffset, 1);
  assert.equal(channel.inFlightCount, 0);
});

test("holds few large records while the database is away", async () => {
  const { memory, target, append, channel } = await start();
  target.isAway = true;
  const value = JSON.stringify({ field: "x".repeat(1_000_000) });
  const countMax = Math.ceil((batchBytesMax * batchesMax) / value.length);
  for (let i = 0; i < 2 * countMax; i++) await append(value);
  await memory.advance(200);
  assert.equal(channel.inFlightCount, countMax);
  target.isAway = false;
  for (let i = 0; i < 40; i++) await memory.advance(1_000);
  assert.deepEqual([target.rows.length, channel.inFlightCount, channel.depth], [2 * countMax, 0, 0]);
});

test("waits while its table is gone", async () => {
  const { memory, broker, target, append, channel } = await start();
  target.isGone = true;
  await append('{"field":1}');
  await memory.advance(200);
  for (let i = 0; i < 5; i++) await memory.advance(1_000);
  assert.equal(broker.catalog.get("l.dead"), undefined);
  target.isGone = false;
  for (let i = 0; i < 5; i++) await memory.advance(1_000);
  assert.deepEqual([target.rows, channel.depth, channel.inFlightCount], [["[0,0,1]"], 0, 0]);
});
