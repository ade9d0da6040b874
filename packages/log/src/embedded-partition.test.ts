import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { TailCache } from "./tail-cache.ts";
import { PartitionRig, readAll, readValues, segmentPath, WaiterLog } from "./testing/partition-rig.ts";

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

describe("Partition appending", () => {
  it("gives consecutive offsets from 0", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    assert.deepEqual([rig.append("a"), rig.append("b"), rig.append("c")], [0, 1, 2]);
    assert.equal(partition.nextOffset, 3);
    assert.equal(partition.highWatermark, 0);
    rig.clock.turn();
    assert.equal(partition.highWatermark, 3);
  });

  it("writes one batch per turn", async () => {
    const rig = new PartitionRig();
    await rig.open();
    for (const value of ["a", "b", "c"]) rig.append(value);
    assert.equal(rig.segment().length, 96);
    rig.clock.turn();
    assert.equal(rig.segment().length, 96 + 80 + 3 * 5);
  });

  it("syncs within the interval when nobody waits", async () => {
    const rig = new PartitionRig({ syncIntervalMs: 1000 });
    const partition = await rig.open();
    rig.appendEach("a");
    rig.clock.advance(999);
    assert.equal(partition.syncedWatermark, 0);
    rig.clock.advance(1);
    assert.equal(partition.syncedWatermark, 1);
    assert.equal(rig.clock.timersPending, 0);
  });

  it("keeps timestamps from going back", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const startMs = rig.clock.nowMs();
    rig.appendEach("a");
    rig.clock.jumpWallClock(-5000);
    rig.appendEach("b");
    partition.append({ value: Buffer.from("c"), timestampMs: startMs - 9000 });
    partition.append({ value: Buffer.from("d"), timestampMs: startMs + 9000 });
    rig.clock.turn();
    const times = (await readAll(partition)).map((record) => record.timestampMs - startMs);
    assert.deepEqual(times, [0, 0, 0, 0]);
  });

  it("stamps records of a long write with their own turn", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.storage.manual = true;
    const startMs = rig.clock.nowMs();
    for (let turn = 0; turn < 4; turn++) {
      rig.append(String(turn));
      rig.clock.advance(10);
    }
    while (rig.storage.complete() > 0) rig.clock.turn();
    const times = (await readAll(partition)).map((record) => record.timestampMs - startMs);
    assert.deepEqual(times, [0, 10, 20, 30]);
  });

  it("refuses a record that is too large", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const bytes = Buffer.alloc(32 * 1024 * 1024 + 1);
    assert.throws(() => partition.appendValue(bytes, 0, bytes.length), hasCode("log.RECORD_TOO_LARGE"));
    assert.throws(() => partition.append({ value: bytes, key: Buffer.from("k") }), hasCode("log.RECORD_TOO_LARGE"));
    assert.equal(partition.nextOffset, 0);
    assert.equal(partition.appendValue(bytes, 1, bytes.length), 0);
    rig.clock.turn();
    assert.equal((await partition.readChunk(0, 1))?.offsetNext, 1);
  });

  it("refuses what cannot be stored", async () => {
    const partition = await new PartitionRig().open();
    const value = Buffer.from("abc");
    assert.throws(() => partition.append({ value, valueStart: 2, valueEnd: 4 }), hasCode("log.RECORD_INVALID"));
    assert.throws(() => partition.append({ value, notBeforeMs: -1 }), hasCode("log.RECORD_INVALID"));
    assert.equal(partition.nextOffset, 0);
  });

  it("refuses more while too much waits and tells when it drained", async () => {
    const rig = new PartitionRig({ pendingBytesMax: 1000 });
    const partition = await rig.open();
    rig.storage.manual = true;
    let drained = 0;
    rig.append("x".repeat(2000));
    assert.equal(partition.saturated, true);
    assert.throws(() => rig.append("y"), hasCode("log.APPEND_QUEUE_FULL"));
    partition.whenDrained(() => drained++);
    rig.clock.turn();
    assert.equal(drained, 0);
    rig.storage.complete();
    assert.equal(drained, 1);
    assert.equal(partition.pendingBytes, 0);
    assert.equal(rig.append("y"), 1);
    partition.whenDrained(() => drained++);
    assert.equal(drained, 2);
  });

  it("refuses to append before it is open and after it closed", async () => {
    const rig = new PartitionRig();
    assert.throws(() => rig.append("a"), hasCode("log.PARTITION_CLOSED"));
    await rig.open();
    await rig.partition.close();
    assert.throws(() => rig.append("a"), hasCode("log.PARTITION_CLOSED"));
    assert.equal(rig.partition.status, "closed");
    await assert.rejects(rig.partition.readChunk(0, 10), hasCode("log.PARTITION_CLOSED"));
  });

  it("takes records of a new partition before it is open", async () => {
    const rig = new PartitionRig({ expect: "new" });
    const waiter = new WaiterLog();
    rig.append("a");
    rig.partition.whenDurable(1, "written", waiter, 7);
    rig.clock.turn();
    assert.deepEqual(waiter.durable, []);
    await rig.open();
    rig.clock.turn();
    assert.deepEqual(waiter.durable, [7]);
  });

  it("starts no second write in the turn of an acknowledgement", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    let acknowledged = 0;
    const producer = {
      onDurable: (): void => {
        if (++acknowledged < 5) partition.whenDurable(rig.append("again") + 1, "written", producer, 0);
      },
    };
    partition.whenDurable(rig.append("first") + 1, "written", producer, 0);
    partition.sync().catch(() => undefined);
    assert.equal(acknowledged, 1);
    rig.clock.turn();
    assert.equal(acknowledged, 5);
  });
});

describe("Partition levels", () => {
  it("tells waiters of a level in order", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    for (let token = 0; token < 40; token++)
      partition.whenDurable(rig.append("x") + 1, token % 2 === 0 ? "written" : "synced", waiter, token);
    assert.deepEqual(waiter.durable, []);
    rig.clock.turn();
    const even = waiter.durable.filter((token) => token % 2 === 0);
    const odd = waiter.durable.filter((token) => token % 2 === 1);
    assert.deepEqual(
      even,
      [...even].sort((a, b) => a - b),
    );
    assert.deepEqual(
      odd,
      [...odd].sort((a, b) => a - b),
    );
    assert.equal(even.length + odd.length, 40);
  });

  it("tells at once what is already true", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    partition.whenDurable(rig.append("a") + 1, "memory", waiter, 1);
    partition.whenDurable(0, "synced", waiter, 2);
    rig.clock.turn();
    partition.whenDurable(1, "written", waiter, 3);
    assert.deepEqual(waiter.durable, [1, 2, 3]);
  });

  it("refuses to wait for what was not appended", async () => {
    const partition = await new PartitionRig().open();
    assert.throws(() => partition.whenDurable(1, "written", new WaiterLog(), 0), hasCode("log.OFFSET_OUT_OF_RANGE"));
  });

  it("shares one sync among all who wait", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.storage.manual = true;
    const waiter = new WaiterLog();
    for (let token = 0; token < 10; token++) partition.whenDurable(rig.append("x") + 1, "synced", waiter, token);
    rig.clock.turn();
    assert.equal(rig.storage.complete(1), 1);
    assert.deepEqual(waiter.durable, []);
    assert.equal(rig.storage.complete(1), 1);
    assert.equal(waiter.durable.length, 10);
    assert.equal(rig.storage.complete(), 0);
  });

  it("does not count a sync for what was written after it began", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.storage.manual = true;
    const waiter = new WaiterLog();
    partition.whenDurable(rig.append("a") + 1, "synced", waiter, 1);
    rig.clock.turn();
    rig.storage.complete(1); // Written; the sync of it has begun.
    partition.whenDurable(rig.append("b") + 1, "synced", waiter, 2);
    rig.clock.turn();
    rig.storage.complete(1); // The sync of a.
    assert.deepEqual(waiter.durable, [1]);
    rig.storage.complete(1); // The write of b, which was waiting behind it.
    assert.deepEqual(waiter.durable, [1]);
    rig.storage.complete();
    assert.deepEqual(waiter.durable, [1, 2]);
    assert.equal(partition.syncedWatermark, 2);
  });

  it("forms one write of what comes while one runs", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.storage.manual = true;
    for (let turn = 0; turn < 20; turn++) {
      rig.append("x");
      rig.clock.turn();
    }
    assert.equal(rig.storage.complete(1), 1);
    assert.equal(partition.highWatermark, 1);
    assert.equal(rig.storage.complete(1), 1);
    assert.equal(partition.highWatermark, 20);
  });

  it("calls watchers after the watermark advanced", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const seen: number[] = [];
    const watcher = { onHighWatermark: () => void seen.push(partition.highWatermark) };
    partition.watch(watcher);
    rig.appendEach("a", "b");
    partition.unwatch(watcher);
    rig.appendEach("c");
    assert.deepEqual(seen, [1, 2]);
  });

  it("writes and syncs everything before it closes", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    partition.whenDurable(rig.append("a") + 1, "synced", waiter, 1);
    await partition.close();
    await partition.close();
    assert.deepEqual(waiter.durable, [1]);
    const after = await rig.reopenAfterCrash(1, "power");
    assert.deepEqual(await readValues(after), ["a"]);
  });

  it("tells who waits when it is discarded", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const waiter = new WaiterLog();
    partition.whenDurable(rig.append("a") + 1, "written", waiter, 1);
    await partition.discard();
    assert.deepEqual(waiter.failed, [{ token: 1, code: "log.PARTITION_CLOSED" }]);
    assert.equal(rig.segment().length, 96);
  });
});

describe("Partition reading", () => {
  it("reads from memory and from the file alike", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    for (let i = 0; i < 200; i++) rig.appendEach(`value ${i}`);
    const cached = await readAll(partition);
    assert.notEqual(partition.cachedChunk(150), undefined);
    const reopened = await rig.reopen();
    assert.equal(reopened.cachedChunk(150), undefined);
    assert.deepEqual(await readAll(reopened), cached);
    assert.equal(cached.length, 200);
  });

  it("answers undefined at the end and refuses what lies beyond", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    rig.appendEach("a");
    assert.equal(await partition.readChunk(1, 100), undefined);
    rig.append("b");
    assert.equal(await partition.readChunk(1, 100), undefined);
    assert.equal(partition.cachedChunk(1), undefined);
    await assert.rejects(partition.readChunk(3, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
    await assert.rejects(partition.readChunk(-1, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
    await assert.rejects(partition.readChunk(Number.NaN, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
  });

  it("begins a chunk with the batch that holds the offset", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    for (let batch = 0; batch < 3; batch++) {
      for (let i = 0; i < 10; i++) rig.append(`${batch}.${i}`);
      rig.clock.turn();
    }
    for (const get of [() => partition, () => rig.reopen()]) {
      const each = await get();
      const chunk = (await each.readChunk(15, 1))!;
      assert.equal(chunk.offsetFirst, 10);
      assert.deepEqual((await readValues(each, 15)).slice(0, 2), ["1.5", "1.6"]);
    }
  });

  it("respects the size asked for as far as batches allow", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    for (let i = 0; i < 100; i++) rig.appendEach("x".repeat(1000));
    for (const get of [() => partition, () => rig.reopen()]) {
      const each = await get();
      const one = (await each.readChunk(0, 1))!;
      assert.ok(one.offsetNext >= 1 && one.end - one.start <= 4096);
      const ten = (await each.readChunk(50, 10 * 1052))!;
      assert.ok(ten.offsetNext > 51 && ten.end - ten.start <= 10 * 1052 + 64 * 1024);
    }
  });

  it("follows the tail and reads from the start at once", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 8192 });
    rig.cache = new TailCache(16 * 1024);
    const partition = rig.build({ cache: rig.cache });
    await rig.open();
    const tail: string[] = [];
    let fromMemory = 0;
    for (let i = 0; i < 500; i++) {
      rig.append(`${i} ${"x".repeat(80)}`);
      if (i % 3 === 0) rig.clock.turn();
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (tail.length < partition.highWatermark) {
        if (partition.cachedChunk(tail.length) !== undefined) fromMemory++;
        tail.push(...(await readValues(partition, tail.length)));
      }
    }
    await partition.sync();
    tail.push(...(await readValues(partition, tail.length)));
    assert.equal(tail.length, 500);
    assert.ok(fromMemory > 100);
    assert.equal(partition.cachedChunk(0), undefined);
    assert.deepEqual(await readValues(partition), tail);
    assert.ok(((await rig.storage.list("orders/0")) ?? []).length > 6);
  });

  it("rolls segments at their size", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096 });
    const partition = await rig.open();
    for (let i = 0; i < 60; i++) {
      rig.appendEach(`${i} ${"x".repeat(400)}`);
      await partition.sync();
    }
    const names = (await rig.storage.list("orders/0"))!.filter((name) => name.endsWith(".log"));
    assert.ok(names.length >= 6);
    for (const name of names) assert.ok(rig.storage.content(`orders/0/${name}`)!.length <= 4096);
    const values = await readValues(partition);
    assert.equal(values.length, 60);
    const reopened = await rig.reopen();
    assert.deepEqual(await readValues(reopened), values);
    assert.equal(reopened.recovery?.indexesRebuilt, 0);
    assert.deepEqual(reopened.recovery?.damages, []);
    for (const offset of [0, 1, 7, 31, 59]) assert.equal((await readValues(reopened, offset))[0], values[offset]);
  });

  it("gives a batch larger than a segment one of its own", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096 });
    const partition = await rig.open();
    rig.appendEach("small");
    rig.append("x".repeat(10_000));
    await partition.sync();
    rig.append("small again");
    await partition.sync();
    assert.equal(rig.storage.content(segmentPath(1))?.length, 96 + 80 + 4 + 10_000 + 128);
    assert.deepEqual(
      (await readValues(await rig.reopen())).map((value) => value.length),
      [5, 10_000, 11],
    );
  });

  it("finds offsets by time", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096 });
    const partition = await rig.open();
    const startMs = rig.clock.nowMs();
    for (let i = 0; i < 100; i++) {
      rig.append(`${i} ${"x".repeat(100)}`);
      if (i % 3 === 0) partition.append({ value: Buffer.from(`rich ${i}`), key: Buffer.from("k") });
      rig.clock.advance(10);
      await partition.sync();
    }
    for (const get of [() => partition, () => rig.reopen()]) {
      const each = await get();
      const records = await readAll(each);
      for (let wanted = -5; wanted < 1005; wanted += 5) {
        const expected = records.find((record) => record.timestampMs >= startMs + wanted)?.offset ?? each.highWatermark;
        assert.equal(await each.offsetAt(startMs + wanted), expected, `at ${wanted}`);
      }
    }
  });

  it("answers the end for a time in an empty partition", async () => {
    assert.equal(await (await new PartitionRig().open()).offsetAt(0), 0);
  });
});
