import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { PartitionRig, readValues, WaiterLog } from "./testing/partition-rig.ts";

const readOnly = { code: "log.PARTITION_READ_ONLY" };

/** Appends records one by one, waiting for both levels, until the partition refuses or all are in. */
async function appendUntilRefused(
  rig: PartitionRig,
  count: number,
): Promise<{ written: WaiterLog; synced: WaiterLog }> {
  const written = new WaiterLog();
  const synced = new WaiterLog();
  for (let token = 0; token < count && rig.partition.status === "open"; token++) {
    const offset = rig.append(`record ${token} ${"x".repeat(300)}`);
    rig.partition.whenDurable(offset + 1, "written", written, offset);
    rig.partition.whenDurable(offset + 1, "synced", synced, offset);
    if (token % 3 === 2) rig.clock.advance(1);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  rig.clock.advance(2000);
  await new Promise<void>((resolve) => setImmediate(resolve));
  return { written, synced };
}

describe("a failing file", () => {
  for (const call of ["write", "sync", "open", "syncDirectory"] as const) {
    it(`ends the partition at whichever ${call} fails`, async () => {
      let reached = 0;
      for (let nth = 1; nth < 12; nth++) {
        const rig = new PartitionRig({ segmentSizeMax: 4096 });
        await rig.open();
        rig.storage.failAt(call, nth);
        const { written, synced } = await appendUntilRefused(rig, 60);
        const { partition } = rig;
        if (partition.status === "open") continue; // Not reached, or an index, which nothing needs.
        reached++;
        assert.equal(partition.status, "readOnly", `${call} ${nth}`);
        assert.throws(() => rig.append("more"), readOnly);
        await assert.rejects(partition.sync(), readOnly);
        for (const waiter of [written, synced]) {
          assert.ok(waiter.failed.every((each) => each.code === readOnly.code));
          assert.equal(waiter.durable.length + waiter.failed.length, partition.nextOffset);
          assert.deepEqual(waiter.durable, [...waiter.durable.keys()]);
        }
        const values = await readValues(partition);
        assert.equal(values.length, partition.highWatermark);
        assert.equal(written.durable.length, partition.highWatermark);
        await partition.close();
        const after = await rig.reopenAfterCrash(nth, "power");
        assert.equal(after.status, "open");
        assert.ok(after.highWatermark >= synced.durable.length);
        assert.deepEqual(
          (await readValues(after)).slice(0, synced.durable.length),
          values.slice(0, synced.durable.length),
        );
      }
      assert.ok(reached >= 3);
    });
  }

  it("never acknowledges after a failed sync, although the next would succeed", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    rig.storage.failAt("sync", 1);
    partition.whenDurable(rig.append("a") + 1, "synced", waiter, 1);
    rig.clock.turn();
    rig.clock.advance(5000);
    partition.whenDurable(1, "synced", waiter, 2);
    assert.deepEqual(waiter.durable, []);
    assert.deepEqual(
      waiter.failed.map((each) => each.token),
      [1, 2],
    );
    assert.equal(partition.syncedWatermark, 0);
    assert.deepEqual(await readValues(partition), ["a"]);
  });

  it("fails waiters in order and tells watchers and drain listeners", async () => {
    const rig = new PartitionRig({ pendingBytesMax: 182 });
    const partition = await rig.open();
    rig.storage.manual = true;
    const waiter = new WaiterLog();
    const statuses: string[] = [];
    let drained = 0;
    partition.watch({ onHighWatermark: () => void statuses.push(partition.status) });
    for (let token = 0; token < 5; token++) {
      const offset = rig.append("x".repeat(18));
      partition.whenDurable(offset + 1, "written", waiter, token);
    }
    partition.whenDrained(() => drained++);
    rig.storage.failAt("write", 1);
    rig.clock.turn();
    rig.storage.complete();
    assert.deepEqual(
      waiter.failed.map((each) => each.token),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual([drained, partition.pendingBytes], [1, 0]);
    assert.deepEqual(statuses, ["readOnly"]);
    assert.ok(isCodedError(partition.error, "log.PARTITION_READ_ONLY"));
  });

  it("goes on where a write took less than it was given", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    for (let nth = 1; nth <= 6; nth++) rig.storage.failAt("shortWrite", nth);
    for (let token = 0; token < 3; token++) {
      partition.whenDurable(rig.append("x".repeat(3000)) + 1, "written", waiter, token);
    }
    rig.clock.turn();
    assert.deepEqual(waiter.durable, [0, 1, 2]);
    assert.equal((await readValues(await rig.reopen())).length, 3);
  });

  it("leaves readers in peace when an index cannot be stored", async () => {
    const rig = new PartitionRig();
    await rig.open();
    rig.appendEach("a");
    await rig.partition.sync();
    rig.storage.failAt("open", 1);
    await rig.partition.close();
    rig.build();
    assert.deepEqual(await readValues(await rig.open()), ["a"]);
  });

  it("is read-only when it cannot be opened", async () => {
    const rig = new PartitionRig({ expect: "new" });
    const waiter = new WaiterLog();
    rig.partition.whenDurable(rig.append("a") + 1, "written", waiter, 1);
    rig.storage.failAt("makeDirectory", 1);
    await assert.rejects(rig.open(), { code: "EIO" });
    assert.equal(rig.partition.status, "readOnly");
    assert.deepEqual(waiter.failed, [{ token: 1, code: "log.PARTITION_READ_ONLY" }]);
    await rig.partition.close();
  });

  it("rejects closing when the last write fails", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.append("a");
    rig.storage.failAt("write", 1);
    await assert.rejects(partition.close(), readOnly);
    assert.equal(partition.status, "closed");
  });
});
