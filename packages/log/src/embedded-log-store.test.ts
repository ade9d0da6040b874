import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { EmbeddedLog } from "./embedded-log.ts";
import { EmbeddedLogStore } from "./embedded-log-store.ts";
import { decodeLogRow, resolveLogConfig } from "./log-config.ts";
import { MemoryStateStore, type StateOperation } from "./state/index.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { readValues, WaiterLog } from "./testing/partition-rig.ts";

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

/** State whose writes can be held up or made to fail. */
class TestState extends MemoryStateStore {
  failure: Error | undefined;
  hold: Promise<void> | undefined;
  synced = 0;

  override async write(operations: readonly StateOperation[], options: { sync?: boolean } = {}): Promise<void> {
    await this.hold;
    if (this.failure !== undefined) throw this.failure;
    if (options.sync === true) this.synced++;
    await super.write(operations);
  }
}

const defaultConfig = resolveLogConfig("", {}, {});

class StoreRig {
  storage = new MemoryStorage({ simulate: true });
  readonly state = new TestState();
  readonly clock = new ManualClock();
  store!: EmbeddedLogStore;

  async open(): Promise<EmbeddedLogStore> {
    await this.state.open();
    const { storage, state, clock } = this;
    this.store = new EmbeddedLogStore({ storage, state, clock });
    await this.store.open();
    return this.store;
  }

  async reopen(): Promise<EmbeddedLogStore> {
    await this.store.close();
    return this.open();
  }

  async row(name: string): Promise<ReturnType<typeof decodeLogRow> | undefined> {
    const value = await this.state.get(`log/${name}`);
    return value && decodeLogRow(name, value);
  }
}

function append(log: EmbeddedLog, value: string, partition = 0): number {
  return log.partitions[partition]!.append({ value: Buffer.from(value) });
}

async function appendSynced(log: EmbeddedLog, value: string, partition = 0): Promise<void> {
  append(log, value, partition);
  await log.partitions[partition]!.sync();
}

describe("LogStore", () => {
  it("takes records of a log as soon as it is created", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders", { partitions: 3, durability: "synced" });
    assert.equal(store.get("orders"), log);
    assert.equal(append(log, "a"), 0);
    await appendSynced(log, "b", 2);
    await appendSynced(log, "c");
    assert.deepEqual(await readValues(log.partitions[0]!), ["a", "c"]);
    assert.deepEqual(await readValues(log.partitions[2]!), ["b"]);
    assert.deepEqual(log.config, {
      ...defaultConfig,
      partitions: 3,
      durability: "synced",
      segmentSizeMax: 256 * 1024 * 1024,
    });
  });

  it("changes a log's configuration for good", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders", { durability: "synced" });
    await store.alter("orders", { segmentSizeMax: 4096 });
    assert.deepEqual(log.config, { ...defaultConfig, partitions: 1, durability: "synced", segmentSizeMax: 4096 });
    for (let i = 0; i < 3; i++) await appendSynced(log, "x".repeat(2000));
    assert.equal(rig.storage.content("orders/0/00000000000000000000.log")!.length < 4096, true);
    await assert.rejects(store.alter("orders", { segmentSizeMax: 1 }), hasCode("log.LOG_CONFIG_INVALID"));
    await assert.rejects(store.alter("none", {}), hasCode("log.LOG_NOT_FOUND"));
    const again = (await rig.reopen()).get("orders")!;
    assert.equal(again.config.segmentSizeMax, 4096);
  });

  it("adds partitions and never takes one away", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders", { partitions: 2 });
    await appendSynced(log, "a", 1);
    const [first, second] = log.partitions;
    const changes = [store.alter("orders", { partitions: 3 }), store.alter("orders", { partitions: 4 })];
    await Promise.all(changes);
    assert.deepEqual([log.partitions.length, log.config.partitions], [4, 4]);
    assert.deepEqual(log.partitions.slice(0, 2), [first, second]);
    await appendSynced(log, "b", 3);
    await assert.rejects(store.alter("orders", { partitions: 3 }), hasCode("log.LOG_CONFIG_INVALID"));
    const again = (await rig.reopen()).get("orders")!;
    assert.deepEqual(await Promise.all(again.partitions.map((partition) => readValues(partition))), [
      [],
      ["a"],
      [],
      ["b"],
    ]);
  });

  it("adds partitions after an attempt that was interrupted", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders");
    await store.whenCreated("orders");
    rig.state.failure = new Error("no");
    await assert.rejects(store.alter("orders", { partitions: 2 }), /no/);
    assert.equal(log.partitions.length, 1);
    rig.state.failure = undefined;
    await store.alter("orders", { partitions: 2 });
    await appendSynced(log, "a", 1);
    assert.deepEqual(await readValues(log.partitions[1]!), ["a"]);
  });

  it("acknowledges nothing before the log would be found again", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    let release = (): void => undefined;
    rig.state.hold = new Promise((resolve) => {
      release = resolve;
    });
    const log = store.create("orders");
    const waiter = new WaiterLog();
    log.partitions[0]!.whenDurable(append(log, "a") + 1, "written", waiter, 1);
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      rig.clock.turn();
    }
    assert.deepEqual([waiter.durable, log.partitions[0]!.status], [[], "opening"]);
    const synced = rig.state.synced;
    release();
    await store.whenCreated("orders");
    rig.clock.turn();
    assert.deepEqual([waiter.durable, log.partitions[0]!.status], [[1], "open"]);
    assert.equal(rig.state.synced, synced + 1);
  });

  it("makes a log read-only that cannot be created", async () => {
    for (const fail of ["state", "storage"]) {
      const rig = new StoreRig();
      const store = await rig.open();
      if (fail === "state") rig.state.failure = new Error("no space");
      else rig.storage.failAt("open", 1);
      const log = store.create("orders", { partitions: 2 });
      const waiter = new WaiterLog();
      for (const partition of log.partitions) {
        partition.appendValue(Buffer.from("a"), 0, 1);
        partition.whenDurable(1, "written", waiter, partition.number);
      }
      await assert.rejects(store.whenCreated("orders"), hasCode("log.PARTITION_READ_ONLY"));
      assert.deepEqual(
        waiter.failed.map((each) => each.code),
        ["log.PARTITION_READ_ONLY", "log.PARTITION_READ_ONLY"],
      );
      assert.throws(() => append(log, "b"), hasCode("log.PARTITION_READ_ONLY"));
      rig.state.failure = undefined;
      await store.delete("orders");
      await appendSynced(store.create("orders"), "again");
      assert.deepEqual(await readValues((await rig.reopen()).get("orders")!.partitions[0]!), ["again"]);
    }
  });

  it("finds its logs again with a higher epoch", async () => {
    const rig = new StoreRig();
    let store = await rig.open();
    await appendSynced(store.create("orders", { partitions: 2, segmentSizeMax: 5000 }), "a", 1);
    await appendSynced(store.create(".."), "b");
    store = await rig.reopen();
    assert.deepEqual(
      store.list().map((log) => log.name),
      ["..", "orders"],
    );
    assert.deepEqual(store.get("orders")!.config, {
      ...defaultConfig,
      partitions: 2,
      durability: "written",
      segmentSizeMax: 5000,
    });
    assert.deepEqual(await readValues(store.get("orders")!.partitions[1]!), ["a"]);
    assert.deepEqual(await rig.storage.list(""), ["%2E.", "orders"]);
    await rig.reopen();
    assert.equal((await rig.row("orders"))?.epoch, 3);
  });

  it("refuses names and configurations that are none", async () => {
    const store = await new StoreRig().open();
    store.create("orders");
    assert.throws(() => store.create("orders"), hasCode("log.LOG_EXISTS"));
    assert.throws(() => store.create("a/b"), hasCode("log.LOG_NAME_INVALID"));
    for (const config of [
      { partitions: 0 },
      { partitions: 1.5 },
      { segmentSizeMax: 10 },
      { durability: "x" as "synced" },
    ])
      assert.throws(() => store.create("other", config), hasCode("log.LOG_CONFIG_INVALID"));
    assert.equal(store.get("other"), undefined);
    await assert.rejects(store.delete("other"), hasCode("log.LOG_NOT_FOUND"));
  });

  it("deletes a log with its files and tells who waits", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders");
    await appendSynced(log, "a");
    const waiter = new WaiterLog();
    log.partitions[0]!.whenDurable(append(log, "b") + 1, "synced", waiter, 1);
    const deleted = store.delete("orders");
    assert.equal(store.get("orders"), undefined);
    assert.throws(() => append(log, "c"), hasCode("log.PARTITION_CLOSED"));
    await deleted;
    assert.deepEqual(waiter.failed, [{ token: 1, code: "log.PARTITION_CLOSED" }]);
    assert.deepEqual(await rig.storage.list(""), []);
    assert.equal(await rig.row("orders"), undefined);
    assert.deepEqual((await rig.reopen()).list(), []);
  });

  it("creates a log again while the old one is being deleted", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    for (let round = 0; round < 5; round++) {
      const log = store.create("orders");
      append(log, `lost ${round}`);
      const deleted = store.delete("orders");
      if (round % 2 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const again = store.create("orders");
      await appendSynced(again, `kept ${round}`);
      await deleted;
      assert.deepEqual(await readValues(again.partitions[0]!), [`kept ${round}`]);
      if (round < 4) await store.delete("orders");
    }
    assert.deepEqual(await readValues((await rig.reopen()).get("orders")!.partitions[0]!), ["kept 4"]);
  });

  it("goes on with a deletion that was interrupted", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    await appendSynced(store.create("orders"), "a");
    const row = (await rig.row("orders"))!;
    await store.close();
    const value = Buffer.from(JSON.stringify({ version: 1, ...row, deleting: true }));
    await rig.state.write([{ type: "put", key: "log/orders", value }]);
    assert.deepEqual((await rig.open()).list(), []);
    assert.deepEqual([await rig.storage.list(""), await rig.row("orders")], [[], undefined]);
  });

  it("removes what an interrupted creation left and takes in what lost its row", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    await appendSynced(store.create("orders", { partitions: 2 }), "a", 1);
    store.create("empty");
    await store.whenCreated("empty");
    await store.close();
    await rig.state.write([
      { type: "delete", key: "log/orders" },
      { type: "delete", key: "log/empty" },
    ]);
    const again = await rig.open();
    assert.deepEqual(
      again.list().map((log) => [log.name, log.partitions.length]),
      [["orders", 2]],
    );
    assert.deepEqual(await readValues(again.get("orders")!.partitions[1]!), ["a"]);
    assert.deepEqual(await rig.storage.list(""), ["orders"]);
    assert.notEqual(await rig.row("orders"), undefined);
  });

  it("takes in an emptied log that lost its row, with its offsets", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("orders");
    await appendSynced(log, "a");
    await log.partitions[0]!.empty();
    await store.close();
    await rig.state.write([{ type: "delete", key: "log/orders" }]);
    const found = (await rig.open()).get("orders")!.partitions[0]!;
    assert.deepEqual([found.status, found.lowWatermark, found.nextOffset], ["open", 1, 1]);
  });

  it("opens a log whose files are gone as read-only", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    await appendSynced(store.create("orders"), "a");
    await appendSynced(store.create("others"), "b");
    await store.close();
    await rig.storage.removeDirectory("orders");
    const again = await rig.open();
    assert.equal(again.get("orders")!.partitions[0]!.status, "readOnly");
    assert.deepEqual(await readValues(again.get("others")!.partitions[0]!), ["b"]);
  });

  it("refuses state that it cannot read", async () => {
    const rig = new StoreRig();
    await rig.state.open();
    for (const value of ["{", '{"version":2}', '{"version":1,"epoch":1,"partitions":0}']) {
      await rig.state.write([{ type: "put", key: "log/orders", value: Buffer.from(value) }]);
      await assert.rejects(rig.open(), hasCode("log.LOG_ROW_DAMAGED"));
    }
  });

  it("keeps ephemeral logs in memory only", async () => {
    const rig = new StoreRig();
    const store = await rig.open();
    const log = store.create("tmp#ephemeral");
    assert.equal(log.ephemeral, true);
    await appendSynced(log, "a");
    assert.deepEqual(await readValues(log.partitions[0]!), ["a"]);
    assert.deepEqual(await rig.storage.list(""), []);
    await store.delete("tmp#ephemeral");
    await appendSynced(store.create("tmp#ephemeral"), "b");
    assert.deepEqual((await rig.reopen()).list(), []);
  });

  it("is used only between open and close", async () => {
    const rig = new StoreRig();
    const { storage, state, clock } = rig;
    const store = new EmbeddedLogStore({ storage, state, clock });
    assert.throws(() => store.create("orders"), hasCode("log.STORE_CLOSED"));
    await rig.open();
    rig.store.create("late");
    await rig.store.close();
    assert.throws(() => rig.store.create("orders"), hasCode("log.STORE_CLOSED"));
    assert.equal((await rig.open()).get("late")?.partitions[0]?.status, "open");
  });
});

describe("LogStore and crashes", () => {
  it("keeps what it acknowledged, however early a log crashes", async () => {
    let promises = 0;
    for (let seed = 0; seed < 150; seed++) {
      const rig = new StoreRig();
      const store = await rig.open();
      const log = store.create("orders");
      let acknowledged = false;
      log.partitions[0]!.whenDurable(append(log, "a") + 1, "synced", { onDurable: () => (acknowledged = true) }, 0);
      // A new log's first record is synced after some 50 such steps: crashes come before and after that.
      for (let steps = seed % 70; steps > 0; steps--) {
        await Promise.resolve();
        rig.clock.turn();
      }
      rig.storage = rig.storage.crash(seed);
      const promised = acknowledged;
      if (promised) promises++;
      const again = await rig.open();
      const found = again.get("orders");
      if (promised) assert.deepEqual(await readValues(found!.partitions[0]!), ["a"], `seed ${seed}`);
      if (found === undefined) again.create("orders");
      await appendSynced(again.get("orders")!, "b");
      assert.equal((await readValues(again.get("orders")!.partitions[0]!)).at(-1), "b");
    }
    assert.ok(promises > 10 && promises < 140, `${promises}`);
  });
});
