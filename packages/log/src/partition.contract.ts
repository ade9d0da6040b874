/** What every `Partition` does, as tests; `logStoreContract` registers them. */

import assert from "node:assert/strict";
import { recordSizeMax } from "./limits.ts";
import type { Partition } from "./partition.ts";
import { decodeHeaders, RecordCursor } from "./record-cursor.ts";
import { type ContractTests, contractPendingBytesMax, hasCode, put, valuesFrom } from "./testing/contract-rig.ts";

const appending: ContractTests = {
  "gives consecutive offsets to records in every form": async (rig) => {
    const partition = await rig.created();
    const bytes = Buffer.from("-value-");
    const framed = Buffer.from("\0\0\0\x01xGAP\0\0\0\0GAP\0\0\0\x02yz", "latin1");
    assert.equal(partition.appendValue(bytes, 1, 6), 0);
    assert.equal(partition.appendTopicValue(Buffer.from("a/b"), bytes, 1, 4), 1);
    assert.equal(partition.append({ value: bytes, valueStart: 1, valueEnd: 2, key: Buffer.from("k") }), 2);
    assert.equal(partition.appendFramed(framed, 0, framed.length, 3, 3), 3);
    assert.deepEqual(
      partition.appendProduced({ id: "p", epoch: 1, sequence: 0 }, [{ value: bytes }, { value: bytes }]),
      {
        baseOffset: 6,
        duplicate: false,
      },
    );
    assert.equal(partition.nextOffset, 8);
    await rig.finish(partition.sync());
    assert.deepEqual(await valuesFrom(partition), ["value", "val", "v", "x", "", "yz", "-value-", "-value-"]);
  },

  "keeps all that a record has": async (rig) => {
    const partition = await rig.created();
    rig.clock.advance(5000);
    const timestampMs = rig.clock.nowMs() - 1000;
    const headers: [string, Buffer][] = [
      ["h", Buffer.from("1")],
      ["", Buffer.alloc(0)],
    ];
    const [key, topic, value] = [Buffer.from("k"), Buffer.from("t/u"), Buffer.from("v")];
    partition.append({ value, key, topic, headers, notBeforeMs: 12345, expiresMs: 67890, timestampMs });
    for (const each of [key, topic, value]) each.fill("!"); // They are copied.
    await rig.finish(partition.sync());
    const cursor = new RecordCursor();
    cursor.reset((await partition.readChunk(0, 4096))!, 0);
    assert.ok(cursor.next());
    const text = (start: number, end: number): string => cursor.bytes.toString("latin1", start, end);
    assert.deepEqual([text(cursor.keyStart, cursor.keyEnd), text(cursor.topicStart, cursor.topicEnd)], ["k", "t/u"]);
    assert.deepEqual([cursor.notBeforeMs, cursor.expiresMs], [12345, 67890]);
    assert.deepEqual([text(cursor.valueStart, cursor.valueEnd), cursor.timestampMs], ["v", timestampMs]);
    assert.deepEqual(
      decodeHeaders(cursor).map(([name, bytes]) => [name, bytes.toString()]),
      [
        ["h", "1"],
        ["", ""],
      ],
    );
  },

  "appends nothing of what it refuses": async (rig) => {
    const partition = await rig.created();
    const frames = Buffer.from("\0\0\0\x01x\0\0\0\x09y", "latin1");
    const large = Buffer.alloc(recordSizeMax + 1);
    assert.throws(() => partition.appendFramed(frames, 0, frames.length, 2), hasCode("log.FRAMES_INVALID"));
    assert.throws(() => partition.appendFramed(frames, 0, 5, 2), hasCode("log.FRAMES_INVALID"));
    assert.throws(() => partition.appendValue(large, 0, large.length), hasCode("log.RECORD_TOO_LARGE"));
    const value = Buffer.from("v");
    assert.throws(() => partition.append({ value, valueStart: 2, valueEnd: 1 }), hasCode("log.RECORD_INVALID"));
    assert.throws(() => partition.append({ value, notBeforeMs: -1 }), hasCode("log.RECORD_INVALID"));
    assert.throws(() => partition.append({ value, expiresMs: 0 }), hasCode("log.RECORD_INVALID"));
    assert.throws(
      () => partition.appendProduced({ id: "p", epoch: 1, sequence: 0 }, []),
      hasCode("log.RECORD_INVALID"),
    );
    assert.equal(partition.nextOffset, 0);
  },

  "knows a producer's call again, also when it is opened again": async (rig) => {
    const partition = await rig.created();
    const send = (to: Partition, epoch: number, sequence: number) =>
      to.appendProduced({ id: "p", epoch, sequence }, [{ value: Buffer.from(`${sequence}`) }]);
    for (const sequence of [0, 1, 2]) assert.equal(send(partition, 1, sequence).baseOffset, sequence);
    assert.deepEqual(send(partition, 1, 1), { baseOffset: 1, duplicate: true });
    assert.throws(() => send(partition, 1, 4), hasCode("log.SEQUENCE_GAP"));
    assert.equal(partition.producerEpochMax, 1);
    const again = (await rig.reopen()).get("orders")!.partitions[0]!;
    assert.deepEqual(send(again, 1, 2), { baseOffset: 2, duplicate: true });
    assert.deepEqual(send(again, 2, 0), { baseOffset: 3, duplicate: false });
    assert.throws(() => send(again, 1, 3), hasCode("log.PRODUCER_FENCED"));
    await rig.finish(again.sync());
    assert.deepEqual(await valuesFrom(again), ["0", "1", "2", "0"]);
  },
};

const waiting: ContractTests = {
  "tells who waits for a level, in the order in which they came": async (rig) => {
    const partition = await rig.created();
    const heard: number[] = [];
    const waiter = { onDurable: (token: number, error: unknown) => heard.push(error === undefined ? token : -1) };
    for (let i = 0; i < 5; i++) {
      const end = put(partition, `${i}`) + 1;
      partition.whenDurable(end, "written", waiter, 10 + i);
      partition.whenDurable(end, "synced", waiter, 20 + i);
      partition.whenDurable(end, "memory", waiter, 30 + i);
      assert.equal(heard.at(-1), 30 + i);
    }
    await rig.finish(partition.sync());
    const of = (ten: number): number[] => heard.filter((token) => Math.floor(token / 10) === ten);
    assert.deepEqual(
      [of(1), of(2)],
      [
        [10, 11, 12, 13, 14],
        [20, 21, 22, 23, 24],
      ],
    );
    assert.equal(heard.length, 15);
    partition.whenDurable(5, "synced", waiter, 40);
    assert.equal(heard.at(-1), 40);
  },

  "raises its watermarks, and tells its watchers until they leave": async (rig) => {
    const partition = await rig.created();
    const seen: number[] = [];
    const watcher = { onHighWatermark: (each: Partition) => seen.push(each.highWatermark) };
    partition.watch(watcher);
    put(partition, "a");
    put(partition, "b");
    assert.deepEqual([partition.highWatermark, partition.nextOffset], [0, 2]);
    await rig.finish(partition.sync());
    assert.deepEqual([partition.highWatermark, partition.syncedWatermark, seen.at(-1)], [2, 2, 2]);
    partition.unwatch(watcher);
    seen.length = 0;
    put(partition, "c");
    await rig.finish(partition.sync());
    assert.deepEqual(seen, []);
  },

  "takes the next record after it has admitted one": async (rig) => {
    const partition = await rig.created();
    partition.admit();
    put(partition, "x".repeat(contractPendingBytesMax));
    assert.throws(() => partition.admit(), hasCode("log.APPEND_QUEUE_FULL"));
    assert.throws(() => put(partition, "y"), hasCode("log.APPEND_QUEUE_FULL"));
    await rig.finish(partition.sync());
    partition.admit();
    assert.equal(put(partition, "y"), 1);
  },

  "refuses records while too many wait to be written": async (rig) => {
    const partition = await rig.created();
    const value = "x".repeat(4000);
    assert.deepEqual([partition.saturated, partition.room], [false, contractPendingBytesMax]);
    for (let i = 0; i < 100 && !partition.saturated; i++) put(partition, value);
    assert.ok(partition.saturated);
    assert.equal(partition.room, 0);
    assert.throws(() => put(partition, value), hasCode("log.APPEND_QUEUE_FULL"));
    const end = partition.nextOffset;
    assert.ok(end >= Math.floor(contractPendingBytesMax / 4200) && end <= contractPendingBytesMax / 4000 + 1);
    const drained = new Promise<void>((resolve) => partition.whenDrained(resolve));
    await rig.finish(drained);
    assert.equal(partition.saturated, false);
    assert.equal(put(partition, value), end);
    let isTold = false;
    partition.whenDrained(() => (isTold = true));
    assert.ok(isTold);
  },
};

/** 30 records, some with the same timestamp, in several batches. */
async function filled(rig: Parameters<ContractTests[string]>[0]): Promise<Partition> {
  const partition = await rig.created();
  for (let i = 0; i < 30; i++) {
    put(partition, `${i}`.padEnd(100));
    if (i % 3 === 2) await rig.finish(partition.sync());
    if (i % 6 === 5) rig.clock.advance(100);
  }
  return partition;
}

const reading: ContractTests = {
  "reads on from any offset": async (rig) => {
    const partition = await filled(rig);
    const check = async (from: Partition): Promise<void> => {
      for (let offset = 0; offset <= 30; offset++) {
        const values = await valuesFrom(from, offset);
        assert.deepEqual([values.length, values[0]?.trimEnd()], [30 - offset, offset < 30 ? `${offset}` : undefined]);
        for (const chunk of [from.cachedChunk(offset), await from.readChunk(offset, 1)])
          if (chunk !== undefined) assert.ok(chunk.offsetFirst <= offset && offset < chunk.offsetNext);
      }
    };
    await check(partition);
    await check((await rig.reopen()).get("orders")!.partitions[0]!);
  },

  "has no chunk at the end, and refuses what lies beyond": async (rig) => {
    const partition = await filled(rig);
    assert.equal(await partition.readChunk(30, 100), undefined);
    assert.equal(partition.cachedChunk(30), undefined);
    await assert.rejects(partition.readChunk(31, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
    await assert.rejects(partition.readChunk(-1, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
  },

  "finds the first offset of a time": async (rig) => {
    const partition = await filled(rig);
    const nowMs = rig.clock.nowMs();
    assert.equal(await partition.offsetAt(0), 0);
    for (const [agoMs, offset] of [
      [500, 0],
      [401, 6],
      [400, 6],
      [301, 12],
      [100, 24],
      [99, 30],
    ] as const)
      assert.equal(await partition.offsetAt(nowMs - agoMs), offset, `${agoMs} ms ago`);
    assert.equal(await partition.offsetAt(nowMs + 1), 30);
  },
};

const removing: ContractTests = {
  "trims records for good": async (rig) => {
    const partition = await filled(rig);
    const seen: number[] = [];
    partition.watch({ onHighWatermark: () => undefined, onLowWatermark: (each) => seen.push(each.lowWatermark) });
    await rig.finish(partition.trimTo(10));
    assert.deepEqual([partition.lowWatermark, partition.trimmedCount, seen], [10, 10, [10]]);
    await rig.finish(partition.trimTo(5));
    assert.deepEqual([partition.lowWatermark, seen], [10, [10]]);
    assert.equal(partition.cachedChunk(9), undefined);
    await assert.rejects(partition.readChunk(9, 100), hasCode("log.OFFSET_OUT_OF_RANGE"));
    await assert.rejects(rig.finish(partition.trimTo(31)), hasCode("log.OFFSET_OUT_OF_RANGE"));
    assert.ok((await partition.offsetAt(0)) >= 10);
    const again = (await rig.reopen()).get("orders")!.partitions[0]!;
    assert.deepEqual([again.lowWatermark, again.nextOffset, (await valuesFrom(again)).length], [10, 30, 20]);
  },

  "empties, and goes on at the next offset": async (rig) => {
    const partition = await filled(rig);
    await rig.finish(partition.empty());
    assert.deepEqual([partition.lowWatermark, partition.nextOffset, await valuesFrom(partition)], [30, 30, []]);
    assert.equal(put(partition, "next"), 30);
    const again = (await rig.reopen()).get("orders")!.partitions[0]!;
    assert.deepEqual([again.lowWatermark, await valuesFrom(again)], [30, ["next"]]);
  },
};

export const partitionContract = {
  appending,
  waiting,
  reading,
  removing,
};
