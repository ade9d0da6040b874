import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import type { EmbeddedLog } from "../embedded-log.ts";
import { EmbeddedLogStore } from "../embedded-log-store.ts";
import type { LogConfig } from "../log-config.ts";
import { MemoryStateStore } from "../state/index.ts";
import { MemoryStorage } from "../storage/memory-storage.ts";
import { readValues } from "../testing/partition-rig.ts";
import { expiredSegments } from "./retention.ts";

const hourMs = 3_600_000;
const noLimits = {
  oldestMs: Number.NEGATIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  recordsMax: Number.POSITIVE_INFINITY,
};

class StoreRig {
  readonly storage = new MemoryStorage();
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  store!: EmbeddedLogStore;

  static async start(): Promise<StoreRig> {
    const rig = new StoreRig();
    const state = new MemoryStateStore();
    await state.open();
    const warn: Logger["warn"] = (text) => void rig.warnings.push(text);
    const logger: Logger = { ...silentLogger, warn, child: () => logger };
    const { storage, clock } = rig;
    rig.store = new EmbeddedLogStore({ storage, state, clock, logger });
    await rig.store.open();
    return rig;
  }

  async log(config: Partial<LogConfig>, name = "orders"): Promise<EmbeddedLog> {
    const log = this.store.create(name, { segmentSizeMax: 4096, ...config });
    await this.store.whenCreated(name);
    return log;
  }

  /** A round of maintenance; the first may only wait for one that time has begun. */
  async round(): Promise<void> {
    await this.store.runMaintenance();
    await this.store.runMaintenance();
  }

  /** Appends records of about 500 bytes, each synced. */
  async append(log: EmbeddedLog, count: number): Promise<void> {
    const partition = log.partitions[0]!;
    for (let i = 0; i < count; i++) {
      partition.append({ value: Buffer.from(`${partition.nextOffset} ${"x".repeat(400)}`) });
      await partition.sync();
    }
  }
}

describe("retention", () => {
  it("removes nothing unless it is told to", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({});
    await rig.append(log, 40);
    rig.clock.advance(1000 * hourMs);
    await rig.round();
    assert.equal(log.partitions[0]!.lowWatermark, 0);
  });

  it("removes segments whose last record is too old", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ retentionMs: hourMs });
    await rig.append(log, 20);
    rig.clock.advance(hourMs);
    await rig.append(log, 20);
    const partition = log.partitions[0]!;
    await rig.round();
    assert.equal(partition.lowWatermark, 0);
    rig.clock.advance(1);
    await rig.round();
    assert.ok(partition.lowWatermark > 10 && partition.lowWatermark <= 20);
    assert.equal((await readValues(partition, partition.lowWatermark)).length, 40 - partition.lowWatermark);
  });

  it("empties a log at rest in the end", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ retentionMs: hourMs });
    await rig.append(log, 3);
    const partition = log.partitions[0]!;
    for (const [wait, low, segments] of [
      [hourMs / 8 - 1, 0, 1],
      [1, 0, 2],
      [(hourMs * 7) / 8 + 1, 3, 1],
    ] as const) {
      rig.clock.advance(wait);
      await rig.round();
      assert.deepEqual([partition.lowWatermark, partition.segments.length], [low, segments]);
    }
    assert.equal(partition.storedBytes, 96);
  });

  it("keeps a partition within its bytes", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ retentionBytes: 50_000, segmentSizeMax: 1 << 20 });
    const partition = log.partitions[0]!;
    for (let i = 0; i < 30; i++) {
      await rig.append(log, 10);
      assert.ok(partition.storedBytes < 50_000 + 50_000 / 8, `${partition.storedBytes}`);
    }
    await rig.round();
    assert.ok(partition.storedBytes <= 50_000 && partition.storedBytes > 40_000);
  });

  it("keeps what is needed, and says so once", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ retentionBytes: 40_000 });
    const partition = log.partitions[0]!;
    let needed = 5;
    partition.neededFrom = () => needed;
    for (let i = 0; i < 5; i++) {
      await rig.append(log, 50);
      await rig.round();
    }
    assert.ok(partition.lowWatermark <= 5);
    assert.equal(rig.warnings.length, 1);
    assert.ok(partition.retentionHeldBytes > 50_000);
    needed = 250;
    await rig.round();
    assert.deepEqual([partition.retentionHeldBytes, partition.storedBytes <= 40_000], [0, true]);
    needed = partition.lowWatermark;
    await rig.append(log, 50);
    await rig.round();
    assert.equal(rig.warnings.length, 2);
  });

  it("drops what is needed when told to, and tells", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ retentionBytes: 40_000, retentionUnfinished: "drop" });
    const partition = log.partitions[0]!;
    partition.neededFrom = () => 0;
    const lows: number[] = [];
    partition.watch({ onHighWatermark: () => undefined, onLowWatermark: (each) => void lows.push(each.lowWatermark) });
    await rig.append(log, 200);
    assert.ok(lows.length > 5 && lows.at(-1) === partition.lowWatermark);
    assert.deepEqual(
      [...lows].sort((a, b) => a - b),
      lows,
    );
  });

  it("follows an altered configuration at the next round", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({});
    await rig.append(log, 100);
    await rig.store.alter("orders", { retentionBytes: 33_000 });
    await rig.round();
    assert.ok(log.partitions[0]!.storedBytes <= 33_000);
  });

  it("bounds a log in memory by bytes, whatever is appended", async () => {
    const rig = await StoreRig.start();
    const bytes = 1 << 20;
    const log = await rig.log({ ephemeralBytes: bytes, segmentSizeMax: 1 << 28 }, "flood#ephemeral");
    const partition = log.partitions[0]!;
    const value = Buffer.alloc(1000, 7);
    partition.neededFrom = () => 0;
    const memory = rig.store.ephemeralStorage;
    let peak = 0;
    for (let i = 0; i < 20_000; i++) {
      if (partition.saturated) await new Promise<void>((resolve) => partition.whenDrained(resolve));
      partition.appendValue(value, 0, value.length);
      if (i % 20 !== 0) continue;
      rig.clock.turn();
      await new Promise<void>((resolve) => setImmediate(resolve));
      peak = Math.max(peak, memory.bytesKept);
    }
    assert.ok(partition.lowWatermark > 18_000 && partition.trimmedCount === partition.lowWatermark);
    // A page of a file is 64 KiB, and so is what a segment may take beyond its size.
    assert.ok(peak > bytes / 2 && peak < bytes + (bytes >> 2), `${peak} of ${bytes}`);
    const values = await readValues(partition, partition.lowWatermark);
    assert.equal(values.length, partition.highWatermark - partition.lowWatermark);
  });

  it("bounds a log in memory by records", async () => {
    const rig = await StoreRig.start();
    const log = await rig.log({ ephemeralRecords: 100, segmentSizeMax: 1 << 28 }, "small#ephemeral");
    const partition = log.partitions[0]!;
    for (let i = 0; i < 1000; i++) {
      await rig.append(log, 1);
      await new Promise<void>((resolve) => setImmediate(resolve));
      const kept = partition.nextOffset - partition.lowWatermark;
      assert.ok(kept <= 100, `${kept}`);
    }
    assert.ok(partition.lowWatermark < 930);
  });
});

describe("expired segments", () => {
  const segments = [0, 1, 2, 3].map((i) => ({
    baseOffset: i * 10,
    offsetNext: i * 10 + 10,
    size: 100,
    timestampLast: i,
  }));
  const count = (limits: object) => expiredSegments(segments, { ...noLimits, ...limits }).length;

  it("are those beyond any limit, and never the newest", () => {
    assert.deepEqual(
      [0, 1, 3, 9].map((oldestMs) => count({ oldestMs })),
      [0, 1, 3, 3],
    );
    assert.deepEqual(
      [400, 399, 201, 0].map((bytesMax) => count({ bytesMax })),
      [0, 1, 2, 3],
    );
    assert.deepEqual(
      [40, 35, 5].map((recordsMax) => count({ recordsMax })),
      [0, 1, 3],
    );
    assert.equal(count({ oldestMs: 1, bytesMax: 250 }), 2);
    assert.equal(expiredSegments([], noLimits).length, 0);
  });
});
