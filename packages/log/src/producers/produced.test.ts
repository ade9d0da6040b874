import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import type { EmbeddedPartition } from "../embedded-partition.ts";
import { batchSizeMax } from "../limits.ts";
import type { RecordFields } from "../rich-record.ts";
import { directory, indexPath, PartitionRig, readAll, readValues, WaiterLog } from "../testing/partition-rig.ts";
import { verifyPartition } from "../verify.ts";
import { producerSnapshotName } from "./producer-snapshot.ts";

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

function records(...values: string[]): RecordFields[] {
  return values.map((value) => ({ value: Buffer.from(value) }));
}

/** One call of one record in a write of its own: its value says who wrote it and as what. */
function produce(rig: PartitionRig, id: string, epoch: number, sequence: number) {
  const produced = rig.partition.appendProduced({ id, epoch, sequence }, records(`${id} ${epoch} ${sequence}`));
  rig.clock.turn();
  return produced;
}

async function opened(options: object = {}): Promise<PartitionRig> {
  const rig = new PartitionRig(options);
  await rig.open();
  return rig;
}

async function snapshots(rig: PartitionRig): Promise<string[]> {
  return ((await rig.storage.list(directory)) ?? []).filter((name) => name.endsWith(".producers"));
}

/** What the partition answers to a call of `a`, epoch 1: an offset when it knows the call, otherwise `new` or a code. */
function answers(partition: EmbeddedPartition, sequences: readonly number[]): unknown[] {
  return sequences.map((sequence) => {
    try {
      const { baseOffset, duplicate } = partition.appendProduced({ id: "a", epoch: 1, sequence }, records("again"));
      return duplicate ? baseOffset : "new";
    } catch (error) {
      return isCodedError(error) ? error.code : error;
    }
  });
}

describe("a call of a producer with an id", () => {
  it("is a batch of its own and is read as any other", async () => {
    const rig = await opened();
    rig.append("before");
    const first = rig.partition.appendProduced({ id: "a", epoch: 1, sequence: 0 }, records("x", "y"));
    rig.append("after");
    const rich = [
      { value: Buffer.from("-z-"), valueStart: 1, valueEnd: 2, key: Buffer.from("k"), topic: Buffer.from("t") },
      { value: Buffer.from("w"), headers: [["h", Buffer.from("1")]] as const, notBeforeMs: 7 },
      { value: Buffer.from("") },
    ];
    const second = rig.partition.appendProduced({ id: "a", epoch: 1, sequence: 2 }, rich);
    assert.deepEqual(
      [first, second],
      [
        { baseOffset: 1, duplicate: false },
        { baseOffset: 4, duplicate: false },
      ],
    );
    rig.clock.turn();
    const check = async (): Promise<void> => {
      const read = await readAll(rig.partition);
      assert.deepEqual(
        read.map(({ offset, value, key, topic, headers, notBeforeMs }) => [
          offset,
          value,
          key,
          topic,
          headers,
          notBeforeMs,
        ]),
        [
          [0, "before", undefined, undefined, [], 0],
          [1, "x", undefined, undefined, [], 0],
          [2, "y", undefined, undefined, [], 0],
          [3, "after", undefined, undefined, [], 0],
          [4, "z", "k", "t", [], 0],
          [5, "w", undefined, undefined, [["h", "1"]], 7],
          [6, "", undefined, undefined, [], 0],
        ],
      );
      assert.deepEqual(await readValues(rig.partition, 5), ["w", ""]);
    };
    await check();
    await rig.reopen();
    await check();
  });

  it("is not appended again, and waits for what was", async () => {
    const rig = await opened();
    rig.storage.manual = true;
    const waiter = new WaiterLog();
    const stamp = { id: "a", epoch: 1, sequence: 0 };
    rig.partition.appendProduced(stamp, records("x"));
    const again = rig.partition.appendProduced(stamp, records("x"));
    assert.deepEqual(again, { baseOffset: 0, duplicate: true });
    rig.partition.whenDurable(1, "synced", waiter, 9);
    rig.clock.turn();
    assert.deepEqual([waiter.durable, rig.partition.nextOffset], [[], 1]);
    rig.storage.complete();
    assert.deepEqual(waiter.durable, [9]);
  });

  it("is refused as a whole when it is more than a batch takes", async () => {
    const rig = await opened();
    const half = Buffer.alloc(batchSizeMax / 2);
    const stamp = { id: "a", epoch: 1, sequence: 0 };
    assert.throws(
      () => rig.partition.appendProduced(stamp, [{ value: half }, { value: half }]),
      hasCode("log.PRODUCE_TOO_LARGE"),
    );
    assert.throws(() => rig.partition.appendProduced(stamp, []), hasCode("log.RECORD_INVALID"));
    assert.throws(
      () => rig.partition.appendProduced({ ...stamp, id: "a b" }, records("x")),
      hasCode("log.PRODUCER_INVALID"),
    );
    const far = { ...stamp, epoch: 0.5 };
    assert.throws(() => rig.partition.appendProduced(far, records("x")), hasCode("log.PRODUCER_INVALID"));
    const large = [{ value: Buffer.alloc(batchSizeMax * 3) }];
    assert.deepEqual(rig.partition.appendProduced(stamp, large), { baseOffset: 0, duplicate: false });
    rig.clock.turn();
    assert.equal((await readValues(rig.partition))[0]?.length, batchSizeMax * 3);
  });

  it("is not acknowledged when its write failed", async () => {
    const rig = await opened();
    rig.storage.failAt("write", 1);
    const waiter = new WaiterLog();
    const stamp = { id: "a", epoch: 1, sequence: 0 };
    rig.partition.appendProduced(stamp, records("x"));
    rig.partition.whenDurable(1, "written", waiter, 1);
    rig.clock.turn();
    assert.deepEqual(waiter.failed, [{ token: 1, code: "log.PARTITION_READ_ONLY" }]);
    assert.throws(() => rig.partition.appendProduced(stamp, records("x")), hasCode("log.PARTITION_READ_ONLY"));
    const partition = await rig.reopenAfterCrash(1, "process");
    assert.deepEqual(partition.appendProduced(stamp, records("x")), { baseOffset: 0, duplicate: false });
  });

  it("is answered while the queue is full if it was taken before", async () => {
    const rig = await opened({ pendingBytesMax: 100 });
    const stamp = { id: "a", epoch: 1, sequence: 0 };
    rig.partition.appendProduced(stamp, records("x".repeat(200)));
    assert.deepEqual(rig.partition.appendProduced(stamp, records("x".repeat(200))), { baseOffset: 0, duplicate: true });
    const next = { ...stamp, sequence: 1 };
    assert.throws(() => rig.partition.appendProduced(next, records("y")), hasCode("log.APPEND_QUEUE_FULL"));
    rig.clock.turn();
    assert.equal(rig.partition.appendProduced(next, records("y")).baseOffset, 1);
  });
});

describe("what is known of producers", () => {
  it("is there after a clean stop without reading the log", async () => {
    const rig = await opened();
    for (let i = 0; i < 8; i++) produce(rig, "a", 1, i);
    await rig.reopen();
    assert.deepEqual(await snapshots(rig), [producerSnapshotName(8)]);
    assert.deepEqual(answers(rig.partition, [2, 3, 7, 9, 8]), [
      "log.DUPLICATE_SEQUENCE",
      3,
      7,
      "log.SEQUENCE_GAP",
      "new",
    ]);
  });

  it("is there after a clean stop when only the end of the segment is read", async () => {
    const rig = await opened();
    produce(rig, "a", 1, 0);
    for (let i = 0; i < 3; i++) rig.appendEach("x".repeat(60_000));
    await rig.reopen();
    assert.ok(rig.partition.recovery!.scannedBytes < 100_000);
    assert.deepEqual(answers(rig.partition, [0]), [0]);
    rig.appendEach("y");
    await rig.reopenAfterCrash(1, "process");
    assert.deepEqual(answers(rig.partition, [0, 1]), [0, "new"]);
  });

  it("is there after a crash", async () => {
    const rig = await opened();
    for (let i = 0; i < 3; i++) produce(rig, "a", 1, i);
    await rig.partition.sync();
    const partition = await rig.reopenAfterCrash(5, "power");
    assert.deepEqual(answers(partition, [0, 2, 3]), [0, 2, "new"]);
  });

  it("is read from the log when the snapshot is damaged, cut or gone", async () => {
    for (const harm of ["flip", "cut", "remove"]) {
      const rig = await opened();
      for (let i = 0; i < 8; i++) produce(rig, "a", 1, i);
      await rig.partition.close();
      const path = `${directory}/${producerSnapshotName(8)}`;
      const bytes = rig.storage.content(path)!;
      if (harm === "flip") bytes[90]! ^= 1;
      if (harm === "remove") await rig.remove(path);
      else await rig.replace(path, harm === "cut" ? bytes.subarray(0, -1) : bytes);
      rig.build();
      assert.deepEqual(answers(await rig.open(), [3, 7, 8]), [3, 7, "new"], harm);
      await rig.partition.close();
    }
  });

  it("is kept over many segments by two snapshots", async () => {
    const rig = await opened({ segmentSizeMax: 4096 });
    produce(rig, "old", 1, 0);
    for (let i = 0; i < 100; i++) {
      produce(rig, "a", 2, i);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await snapshots(rig)).length, 2);
    await rig.reopenAfterCrash(1, "process");
    assert.equal(produce(rig, "old", 1, 0).baseOffset, 0);
    assert.equal(produce(rig, "a", 2, 98).baseOffset, 99);
    for (const name of await snapshots(rig)) await rig.remove(`${directory}/${name}`);
    await rig.reopenAfterCrash(2, "process");
    assert.equal(produce(rig, "old", 1, 0).baseOffset, 0);
    assert.equal(produce(rig, "a", 2, 98).baseOffset, 99);
    assert.deepEqual((await snapshots(rig)).length, 1);
    await rig.partition.close();
    assert.deepEqual((await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 })).faults, []);
  });

  it("does not believe a snapshot of batches that were lost", async () => {
    const rig = await opened();
    for (let i = 0; i < 4; i++) produce(rig, "a", 1, i);
    await rig.partition.close();
    const segment = rig.segment();
    const snapshot = rig.storage.content(`${directory}/${producerSnapshotName(4)}`)!;
    const other = await opened();
    for (let i = 0; i < 4; i++) produce(other, "b", 1, i);
    await other.partition.close();
    await other.replace(`${directory}/${producerSnapshotName(4)}`, snapshot);
    other.build();
    assert.deepEqual(answers(await other.open(), [3]), ["log.PRODUCER_UNKNOWN"]);
    assert.notDeepEqual(other.segment(), segment);
  });

  it("says that what was in removed segments is forgotten", async () => {
    const rig = await opened({ segmentSizeMax: 4096 });
    produce(rig, "gone", 5, 0);
    for (let i = 0; i < 100; i++) {
      produce(rig, "a", 7, i);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.partition.close();
    for (const name of await snapshots(rig)) await rig.remove(`${directory}/${name}`);
    await rig.remove(`${directory}/${"0".repeat(20)}.log`);
    await rig.remove(indexPath(0));
    rig.build();
    await rig.open();
    assert.equal(produce(rig, "a", 7, 99).baseOffset, 100);
    assert.throws(() => produce(rig, "gone", 5, 0), hasCode("log.PRODUCER_UNKNOWN"));
    assert.equal(produce(rig, "gone", 8, 0).duplicate, false);
  });

  it("costs nothing where no producer has an id", async () => {
    const rig = await opened({ segmentSizeMax: 4096 });
    for (let i = 0; i < 60; i++) {
      rig.appendEach("x".repeat(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.reopen();
    assert.deepEqual(await snapshots(rig), []);
    assert.deepEqual([...rig.segment().subarray(64, 92)], new Array(28).fill(0));
    assert.equal(rig.partition.producerEpochMax, -1);
  });

  it("is found when the next segment's header was torn", async () => {
    const rig = await opened({ segmentSizeMax: 4096 });
    let i = 0;
    for (; rig.storage.content(indexPath(0)) === undefined; i++) {
      produce(rig, "a", 1, i);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.partition.close();
    const newest = (await rig.storage.list(directory))!.filter((name) => name.endsWith(".log")).at(-1)!;
    await rig.replace(`${directory}/${newest}`, Buffer.alloc(40));
    for (const name of await snapshots(rig)) await rig.remove(`${directory}/${name}`);
    for (const keepsIndex of [true, false]) {
      if (!keepsIndex) await rig.remove(indexPath(0));
      rig.build();
      const partition = await rig.open();
      const last = Number(newest.slice(0, 20)) - 1;
      assert.equal(partition.nextOffset, last + 1);
      assert.deepEqual(answers(partition, [last]), [last]);
      await partition.close();
      await rig.replace(`${directory}/${newest}`, Buffer.alloc(40));
      for (const name of await snapshots(rig)) await rig.remove(`${directory}/${name}`);
    }
  });
});
