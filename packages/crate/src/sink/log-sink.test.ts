import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { type Broker, decodeHeaders, RecordCursor, type RecordFields } from "@polylog/broker";
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
  isPicky = false;

  prepare(): Promise<readonly string[]> {
    return Promise.resolve(["partition", "offset", "field"]);
  }

  transport(): ReturnType<SinkTarget["transport"]> {
    const insert = (rows: readonly string[]): Promise<readonly RowResult[]> => {
      if (this.isAway) return Promise.reject(new InsertFault("later", "ECONNREFUSED", "away"));
      if (this.isGone) return Promise.reject(new InsertFault("refused", "4041", "Relation 't' unknown"));
      if (this.isPicky) return Promise.reject(new InsertFault("row", "4000", "no such value"));
      this.rows.push(...rows);
      return Promise.resolve(rows.map(() => ({ fate: "written", code: "", message: "" })));
    };
    return { insert, close: () => Promise.resolve() };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function start(name = "l") {
  const memory = await MemoryBroker.start();
  const { broker, clock } = memory;
  const target = new MemoryTarget();
  const rule = parseSinkRule(`${name}=crate:embedded/t`);
  const sink = new LogSink({ rule, target, broker, clock, logger: silentLogger, metrics: new MetricRegistry() });
  const starting = sink.start();
  await memory.run();
  await starting;
  await memory.run();
  const log = broker.catalog.require(name);
  const append = async (value: string, fields: Partial<RecordFields> = {}): Promise<void> => {
    log.appendRecord(log.partitions[0]!, { value: Buffer.from(value), ...fields });
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

test("buries the beginning of a record that is too large to be a dead letter", async () => {
  const { memory, broker, target, append, channel } = await start();
  target.isPicky = true;
  const value = JSON.stringify({ field: "x".repeat(32 * 1024 * 1024 - 100) });
  await append(value, { key: Buffer.from("k") });
  for (let i = 0; i < 5; i++) await memory.advance(1_000);
  assert.deepEqual([channel.depth, channel.inFlightCount], [0, 0]);
  const [dead] = await readAll(broker, "l.dead");
  assert.deepEqual([dead?.value, dead?.key], [value.slice(0, 1024 * 1024), "k"]);
  const { "polylog-dead-cut": cut, "polylog-dead-detail": detail, "polylog-dead-reason": reason } = dead!.headers;
  assert.deepEqual([cut, detail, reason], [String(value.length), "4000 no such value", "refused"]);
});

test("buries a record with as many headers as there may be", async () => {
  const { memory, broker, target, append } = await start();
  target.isPicky = true;
  await append("1", { headers: Array.from({ length: 1024 }, () => ["h", Buffer.from("v")] as const) });
  for (let i = 0; i < 5; i++) await memory.advance(1_000);
  const [dead] = await readAll(broker, "l.dead");
  assert.deepEqual([dead?.value, dead?.headers["h"], dead?.headers["polylog-dead-cut"]], ["1", undefined, "1"]);
});

test("leaves out a refused record whose log can have no dead letters", async () => {
  const { memory, target, append, channel } = await start("l".repeat(60));
  target.isPicky = true;
  await append('{"field":1}');
  for (let i = 0; i < 5; i++) await memory.advance(1_000);
  assert.deepEqual([target.rows, channel.depth, channel.inFlightCount], [[], 0, 0]);
});

interface Dead {
  readonly value: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function readAll(broker: Broker, name: string): Promise<Dead[]> {
  const [partition] = broker.catalog.require(name).partitions;
  const record = new RecordCursor();
  const found: Dead[] = [];
  for (let offset = 0; offset < partition!.nextOffset; offset = record.offset + 1) {
    record.reset((await partition!.readChunk(offset, 1))!, offset);
    if (!record.next()) break;
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = record;
    const headers = Object.fromEntries(decodeHeaders(record).map(([header, value]) => [header, value.toString()]));
    found.push({
      value: bytes.toString("utf8", valueStart, valueEnd),
      key: bytes.toString("utf8", keyStart, keyEnd),
      headers,
    });
  }
  return found;
}
