/**
 * Data directories of every release, and one made now, opened by the present code: every record, every channel's
 * position, every retained message. The fixtures are copied first; what they hold stands in `data-directory.ts`.
 */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as clock from "@polylog/base/clock";
import * as brokerDoor from "@polylog/broker";
import { Broker, type BrokerLog, decodeHeaders, RecordCursor } from "@polylog/broker";
import * as logDoor from "@polylog/log/embedded";
import { EmbeddedLogStore, FileStorage, LevelStateStore } from "@polylog/log/embedded";
import { verifyLogs } from "@polylog/log/offline";
import { settle, temporaryDirectory } from "@polylog/testkit";
import {
  deferredForMs,
  type ExpectedRecord,
  fillDataDirectory,
  madeAtMs,
  orders,
  retained,
  telemetry,
  tornSize,
} from "./data-directory.ts";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

interface Opened {
  readonly broker: Broker;
  readonly logs: EmbeddedLogStore;
  readonly clock: clock.ManualClock;
  close(): Promise<void>;
}

async function open(dataDir: string): Promise<Opened> {
  const time = new clock.ManualClock(madeAtMs + 3_600_000);
  const state = new LevelStateStore(join(dataDir, "state"));
  const logs = new EmbeddedLogStore({ storage: new FileStorage(join(dataDir, "logs"), time), state, clock: time });
  const broker = new Broker({ logs, state, clock: time });
  await state.open();
  await logs.open();
  await broker.start();
  const turns = async (work: Promise<unknown>): Promise<void> => {
    let ended = false;
    void work.finally(() => (ended = true)).catch(() => undefined);
    for (; !ended; await settle(2)) time.turn();
    await work;
  };
  return {
    broker,
    logs,
    clock: time,
    close: async () => {
      await turns(broker.stop());
      await turns(logs.close());
      await state.close();
    },
  };
}

async function recordsOf(log: BrokerLog, partition = 0): Promise<ExpectedRecord[]> {
  const records: ExpectedRecord[] = [];
  const cursor = new RecordCursor();
  const text = (from: number, to: number): string => cursor.bytes.toString("utf8", from, to);
  for (let offset = 0; ; ) {
    const chunk = await log.partitions[partition]!.readChunk(offset, 1000);
    if (chunk === undefined) return records;
    cursor.reset(chunk, offset);
    while (cursor.next()) {
      const headers = decodeHeaders(cursor).map(([name, value]) => [name, value.toString()] as const);
      records.push({
        value: text(cursor.valueStart, cursor.valueEnd),
        ...(cursor.keyStart < 0 ? {} : { key: text(cursor.keyStart, cursor.keyEnd) }),
        ...(cursor.topicStart < 0 ? {} : { topic: text(cursor.topicStart, cursor.topicEnd) }),
        ...(headers.length === 0 ? {} : { headers }),
      });
    }
    offset = chunk.offsetNext;
  }
}

async function check(dataDir: string): Promise<void> {
  const storage = new FileStorage(join(dataDir, "logs"));
  for await (const { log, faults, tailBytes, segments } of verifyLogs({ storage, rows: undefined })) {
    assert.deepEqual(faults, [], log);
    assert.equal(tailBytes, log === "orders" ? tornSize : 0, log);
    if (log !== "orders.dead") assert.ok(segments.length >= 2, `${log} has one segment`);
  }
  const opened = await open(dataDir);
  await checkRecords(opened.broker, opened.logs);
  await checkChannels(opened);
  const kept = opened.broker.retained.match("#");
  assert.deepEqual(Object.fromEntries([...kept].map(({ topic, payload }) => [topic, payload.toString()])), retained);
  await opened.close();
}

async function checkRecords({ catalog }: Broker, logs: EmbeddedLogStore): Promise<void> {
  assert.deepEqual([...catalog.list()].map(({ name }) => name).sort(), ["orders", "orders.dead", "telemetry"]);
  for (const log of logs.list())
    for (const partition of log.partitions) {
      assert.equal(partition.status, "open");
      assert.equal(partition.recovery?.tornBytes, log.name === "orders" ? tornSize : 0);
    }
  assert.deepEqual(await recordsOf(catalog.require("orders")), orders);
  for (const partition of [0, 1]) {
    const expected = telemetry.filter((_, i) => i % 2 === partition);
    assert.deepEqual(await recordsOf(catalog.require("telemetry"), partition), expected);
  }
  const [dead, ...others] = await recordsOf(catalog.require("orders.dead"));
  assert.deepEqual(others, []);
  assert.equal(dead!.value, orders[8]!.value);
  assert.ok(dead!.headers!.some(([name, value]) => name === "polylog-dead-attempts" && value === "2"));
}

async function checkChannels({ broker, clock: time }: Opened): Promise<void> {
  const log = broker.catalog.require("orders");
  assert.deepEqual([...log.channels.keys()].sort(), ["audit", "late", "workers"]);
  const position = (name: string) => {
    const [window] = log.channels.get(name)!.windows();
    return [window!.floor, window!.cursor];
  };
  assert.deepEqual(
    [position("workers"), position("audit"), position("late")],
    [
      [5, 9],
      [0, 0],
      [40, 40],
    ],
  );
  assert.equal(log.channels.get("audit")!.paused, true);
  const workers = log.channels.get("workers")!;
  assert.equal(workers.settings.maxAttempts, 2);
  assert.equal(workers.deferredCount, 1);
  const received: string[] = [];
  const sink = {
    onRecord: (record: RecordCursor, _partition: number, attempts: number) => {
      received.push(`${record.offset}#${attempts}`);
      workers.finish(consumer, 0, record.offset);
    },
    onChannelClosed: () => undefined,
  };
  const consumer = workers.addConsumer(sink, 60_000, 900_000);
  workers.setReady(consumer, 3);
  /** Until so many were received; real files answer when they do. */
  const run = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 30 || (received.length < count && turn < 10_000); turn++) {
      time.turn();
      await settle(2);
    }
  };
  await run(33);
  const fresh = Array.from({ length: 31 }, (_, i) => `${9 + i}#1`);
  assert.deepEqual(received.toSorted(byOffset), ["5#2", "7#2", ...fresh]);
  time.advance(deferredForMs - 7_200_000);
  await run(33);
  assert.equal(workers.deferredCount, 1);
  time.advance(7_200_000);
  await run(34);
  assert.equal(received.at(-1), "6#2");
  assert.deepEqual(position("workers"), [40, 40]);
}

const byOffset = (one: string, other: string): number => Number.parseInt(one, 10) - Number.parseInt(other, 10);

function copyOf(name: string, t: TestContext): string {
  const dataDir = temporaryDirectory(t);
  cpSync(join(fixtures, name), dataDir, { recursive: true });
  return dataDir;
}

for (const name of readdirSync(fixtures))
  test(`opens ${name} with everything in it`, async (t) => {
    await check(copyOf(name, t));
  });

test("opens a directory made now with everything in it", async (t) => {
  const dataDir = join(temporaryDirectory(t), "data");
  mkdirSync(dataDir);
  await fillDataDirectory({ clock, log: logDoor, broker: brokerDoor }, dataDir);
  await check(dataDir);
});

test("takes records behind those of an older release", async (t) => {
  for (const name of readdirSync(fixtures)) {
    const dataDir = copyOf(name, t);
    const first = await open(dataDir);
    const log = first.broker.catalog.require("orders");
    log.appendRecord(log.partitions[0]!, { value: Buffer.from("one more") });
    await first.close();
    const second = await open(dataDir);
    const records = await recordsOf(second.broker.catalog.require("orders"));
    assert.deepEqual(records, [...orders, { value: "one more" }]);
    await second.close();
  }
});
