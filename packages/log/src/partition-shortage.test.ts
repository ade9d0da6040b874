/**
 * Shortages, which pass: no room on the disk, no descriptor for the next segment. What was acknowledged is there, each record
 * is there once, and records are taken again, whichever call it is that finds nothing left.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { diskRetryMs } from "./limits.ts";
import { resolveLogConfig } from "./log-config.ts";
import { PendingTotal } from "./pending-total.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { directory, PartitionRig, readValues, WaiterLog } from "./testing/partition-rig.ts";
import { verifyPartition } from "./verify.ts";

const diskFull = { code: "log.DISK_FULL" };

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function untilRoom(rig: PartitionRig): Promise<void> {
  for (let waitedMs = 0; waitedMs <= diskRetryMs; waitedMs += 1000) {
    rig.clock.advance(1000);
    await settled();
  }
}

async function checkFiles(rig: PartitionRig): Promise<void> {
  rig.storage.failNoMore();
  await rig.partition.close();
  const { faults } = await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 });
  assert.deepEqual(faults, []);
}

describe("a disk without room", () => {
  it("tells who waits, refuses, and writes the rest once there is room", async () => {
    const rig = new PartitionRig({ watchesDisk: true });
    await rig.open();
    rig.appendEach("a");
    rig.storage.failWith("ENOSPC", "write", 1);
    const waiter = new WaiterLog();
    rig.partition.whenDurable(rig.append("b") + 1, "written", waiter, 1);
    rig.partition.whenDurable(rig.append("c") + 1, "synced", waiter, 2);
    rig.clock.turn();
    assert.deepEqual(waiter.failed, [
      { token: 1, code: diskFull.code },
      { token: 2, code: diskFull.code },
    ]);
    assert.equal(rig.partition.status, "open");
    assert.ok(isCodedError(rig.partition.error, diskFull.code));
    assert.throws(() => rig.append("refused"), diskFull);
    assert.deepEqual(await readValues(rig.partition), ["a"]);
    await untilRoom(rig);
    assert.equal(rig.partition.error, undefined);
    rig.appendEach("d");
    assert.deepEqual(await readValues(rig.partition), ["a", "b", "c", "d"]);
    await checkFiles(rig);
  });

  for (const call of ["write", "open"] as const)
    it(`goes on and loses nothing, whichever ${call} finds none`, async () => {
      let reached = 0;
      for (let nth = 1; nth < 40; nth++)
        for (const torn of [false, true]) {
          const rig = new PartitionRig({ watchesDisk: true, segmentSizeMax: 4096 });
          await rig.open();
          if (torn) rig.storage.failAt("shortWrite", nth);
          rig.storage.failWith("ENOSPC", call, torn ? nth + 1 : nth);
          const taken: string[] = [];
          for (let i = 0; i < 60; i++) {
            const value = `${i} ${"x".repeat(300)}`;
            try {
              rig.append(value);
              taken.push(value);
            } catch (error) {
              assert.ok(isCodedError(error, diskFull.code));
              reached++;
              await untilRoom(rig);
            }
            if (i % 3 === 2) rig.clock.advance(1);
            await new Promise<void>((resolve) => setImmediate(resolve));
          }
          await untilRoom(rig);
          assert.equal(rig.partition.status, "open", `${call} ${nth}`);
          await rig.partition.sync();
          assert.deepEqual(await readValues(rig.partition), taken);
          await checkFiles(rig);
        }
      assert.ok(reached > 10, `${reached}`);
    });

  it("leaves nothing that a crash makes damage of", async () => {
    for (let seed = 1; seed <= 400; seed++) {
      const rig = new PartitionRig({ watchesDisk: true, segmentSizeMax: 4096 });
      const { partition, storage, clock } = rig;
      await rig.open();
      rig.appendEach("a".repeat(1000), "b".repeat(1000));
      await partition.sync();
      const values = Array.from({ length: 10 }, (_, i) => String(i).repeat(100 + (seed % 97)));
      // While the first one is being written the others become a batch each: whole ones lie in what is left of their write.
      storage.manual = true;
      for (const value of values) {
        rig.append(value);
        clock.advance(1);
      }
      storage.failAt("shortWrite", 1);
      storage.failWith("ENOSPC", "write", 2);
      while (storage.complete(1) > 0);
      assert.notEqual(partition.error, undefined);
      storage.manual = false;
      clock.advance(1000); // What is left of the write is synced with what was written before.
      // The next batch may not fit any more, so that a footer comes where it was.
      partition.configure({ ...resolveLogConfig("orders", {}, {}), segmentSizeMax: seed % 2 === 0 ? 4096 : 2200 });
      storage.manual = true;
      await untilRoom(rig);
      for (let calls = seed % 5; calls > 0; calls--) {
        storage.complete(1);
        await settled();
      }
      const { syncedWatermark } = partition;
      // With a footer as the only unsynced write no order of pages makes a hole, which would be damage.
      const after = await rig.reopenAfterCrash(seed, "power", seed % 2 === 1);
      assert.equal(after.status, "open", `seed ${seed}: ${after.error?.message}`);
      assert.deepEqual(after.recovery?.damages, [], `seed ${seed}`);
      const expected = ["a".repeat(1000), "b".repeat(1000), ...values];
      const read = await readValues(after);
      assert.ok(read.length >= syncedWatermark);
      assert.deepEqual(read, expected.slice(0, read.length), `seed ${seed}`);
    }
  });

  it("is a failure like any other for a sync, and where nobody watches the disk", async () => {
    const synced = new PartitionRig({ watchesDisk: true });
    await synced.open();
    synced.storage.failWith("ENOSPC", "sync", 1);
    synced.append("a");
    await assert.rejects(synced.partition.sync(), { code: "log.PARTITION_READ_ONLY" });
    const alone = new PartitionRig();
    await alone.open();
    alone.storage.failWith("ENOSPC", "write", 1);
    alone.appendEach("a");
    assert.equal(alone.partition.status, "readOnly");
  });

  it("becomes read-only when what was written in part cannot be cut off", async () => {
    for (const call of ["truncate", "sync"] as const) {
      const rig = new PartitionRig({ watchesDisk: true });
      await rig.open();
      rig.storage.failWith("ENOSPC", "write", 1);
      rig.appendEach("a");
      rig.storage.failAt(call, 1);
      await untilRoom(rig);
      assert.equal(rig.partition.status, "readOnly", call);
    }
  });

  it("is tried once more at the close, which says what was not written", async () => {
    for (const room of [true, false]) {
      const rig = new PartitionRig({ watchesDisk: true });
      const partition = await rig.open();
      rig.storage.failWith("ENOSPC", "write", 1);
      rig.appendEach("a");
      if (!room) rig.storage.failWith("ENOSPC", "write", 1);
      if (room) await partition.close();
      else await assert.rejects(partition.close(), { code: "log.PARTITION_READ_ONLY" });
      rig.build();
      assert.deepEqual(await readValues(await rig.open()), room ? ["a"] : []);
    }
  });
});

describe("a segment without a descriptor", () => {
  for (const call of ["open", "syncDirectory"] as const)
    it(`is begun after a while, records wait, whichever ${call} it is`, async () => {
      let stalls = 0;
      for (let nth = 1; nth < 12; nth++) {
        const rig = new PartitionRig({ segmentSizeMax: 4096 });
        const partition = await rig.open();
        for (let more = 0; more < 4; more++) rig.storage.failAt(call, nth, descriptorError());
        const waiter = new WaiterLog();
        for (let i = 0; i < 40; i++) {
          partition.whenDurable(rig.append(`${i} ${"x".repeat(300)}`) + 1, "written", waiter, i);
          rig.clock.advance(1);
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
        for (let waitedMs = 0; waitedMs < 3000; waitedMs += 100) {
          rig.clock.advance(100);
          await settled();
        }
        assert.deepEqual([waiter.durable.length, waiter.failed.length, partition.status], [40, 0, "open"], `${nth}`);
        stalls += partition.stallCount;
        await checkFiles(rig);
      }
      assert.ok(stalls >= 3, `${stalls}`);
    });

  it("holds producers at the bound and counts once", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096, pendingBytesMax: 2000 });
    const partition = await rig.open();
    for (let times = 0; times < 8; times++) rig.storage.failAt("open", 2, descriptorError());
    while (!partition.saturated) {
      rig.append("x".repeat(300));
      rig.clock.turn();
      await settled();
    }
    assert.equal(partition.stallCount, 1);
    assert.throws(() => rig.append("more"), { code: "log.APPEND_QUEUE_FULL" });
    let drained = false;
    partition.whenDrained(() => {
      drained = true;
    });
    for (let waitedMs = 0; waitedMs < 30_000 && !drained; waitedMs += 100) {
      rig.clock.advance(100);
      await settled();
    }
    assert.deepEqual([drained, partition.stallCount], [true, 1]);
    await checkFiles(rig);
  });
});

/** What opening a file, or a directory to sync it, fails with. */
function descriptorError(): Error {
  return Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE", syscall: "open" });
}

describe("PendingTotal", () => {
  it("bounds what waits in all partitions together", async () => {
    const pendingTotal = new PendingTotal(10_000);
    const storage = new MemoryStorage();
    const rigs = Array.from({ length: 20 }, (_, number) => {
      const rig = new PartitionRig({ pendingTotal, number, directory: `orders/${number}` });
      rig.storage = storage;
      rig.build();
      return rig;
    });
    for (const rig of rigs) await rig.open();
    storage.manual = true;
    let appended = 0;
    while (!rigs[0]!.partition.saturated) {
      rigs[appended % 20]!.append("x".repeat(90));
      for (const rig of rigs) rig.clock.turn();
      appended++;
    }
    assert.ok(pendingTotal.bytes >= 10_000 && pendingTotal.bytes < 10_200);
    assert.equal(
      pendingTotal.bytes,
      rigs.reduce((sum, { partition }) => sum + partition.pendingBytes, 0),
    );
    for (const rig of rigs) assert.throws(() => rig.append("y"), { code: "log.APPEND_QUEUE_FULL" });
    let drained = 0;
    for (const rig of rigs) rig.partition.whenDrained(() => drained++);
    assert.equal(storage.complete(3), 3);
    assert.equal(drained, 0);
    while (storage.complete() > 0) for (const rig of rigs) rig.clock.turn();
    assert.deepEqual([drained, pendingTotal.bytes], [20, 0]);
    storage.manual = false;
    rigs[0]!.append("z");
    rigs[1]!.append("framed");
    await rigs[0]!.partition.discard();
    for (const rig of rigs) await rig.partition.close();
    assert.equal(pendingTotal.bytes, 0);
  });

  it("takes a record that was admitted before others used the room up", async () => {
    const pendingTotal = new PendingTotal(1000);
    const rigs = [new PartitionRig({ pendingTotal }), new PartitionRig({ pendingTotal })];
    for (const rig of rigs) await rig.open();
    for (const { partition } of rigs) partition.admit();
    rigs[0]!.append("x".repeat(2000));
    assert.equal(rigs[1]!.append("y"), 0);
    for (const rig of rigs) assert.throws(() => rig.append("z"), { code: "log.APPEND_QUEUE_FULL" });
    for (const rig of rigs) await rig.partition.close();
  });

  it("answers a call that was taken before while it has none", async () => {
    const rig = new PartitionRig({ watchesDisk: true });
    await rig.open();
    const call = (sequence: number) =>
      rig.partition.appendProduced({ id: "p", epoch: 1, sequence }, [{ value: Buffer.from("a") }]);
    call(0);
    rig.clock.turn();
    rig.storage.failWith("ENOSPC", "write", 1);
    rig.append("b");
    rig.clock.turn();
    assert.deepEqual(call(0), { baseOffset: 0, duplicate: true });
    assert.throws(() => call(1), diskFull);
    assert.throws(() => rig.partition.admit(), diskFull);
    await untilRoom(rig);
    assert.deepEqual(call(1), { baseOffset: 2, duplicate: false });
    await rig.partition.close();
  });

  it("counts runs of framed values and calls of producers too", async () => {
    const pendingTotal = new PendingTotal();
    const rig = new PartitionRig({ pendingTotal });
    rig.build();
    await rig.open();
    const frames = Buffer.from("\0\0\0\x01aPUB\0\0\0\x02bc", "latin1");
    rig.partition.appendFramed(frames, 0, frames.length, 2, 3);
    const producer = { id: "p", epoch: 1, sequence: 0 };
    rig.partition.appendProduced(producer, [{ value: Buffer.from("d") }]);
    assert.equal(pendingTotal.bytes, rig.partition.pendingBytes);
    rig.clock.turn();
    assert.equal(pendingTotal.bytes, 0);
    await rig.partition.close();
  });
});
