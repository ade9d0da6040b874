import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import type { EmbeddedPartition } from "./embedded-partition.ts";
import { RecordCursor } from "./record-cursor.ts";
import { directory, indexPath, PartitionRig, readValues, segmentPath } from "./testing/partition-rig.ts";
import { trimMarkFileName } from "./trim-mark.ts";
import { verifyPartition } from "./verify.ts";

const outOfRange = { code: "log.OFFSET_OUT_OF_RANGE" };
const markPath = `${directory}/${trimMarkFileName}`;

/** 40 records in 6 or so segments, the newest one not empty. */
async function filled(options = {}): Promise<{ rig: PartitionRig; partition: EmbeddedPartition; values: string[] }> {
  const rig = new PartitionRig({ segmentSizeMax: 4096, ...options });
  const partition = await rig.open();
  const values: string[] = [];
  for (let i = 0; i < 40; i++) {
    values.push(`${i} ${"x".repeat(500)}`);
    rig.append(values[i]!);
    await partition.sync();
    rig.clock.advance(10);
  }
  return { rig, partition, values };
}

async function filesOf(rig: PartitionRig): Promise<string[]> {
  return (await rig.storage.list(directory))!;
}

const basesOf = (partition: EmbeddedPartition): number[] => partition.segments.map(({ baseOffset }) => baseOffset);

async function faultsOf(rig: PartitionRig): Promise<readonly string[]> {
  const { faults } = await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 });
  return faults.map(({ code }) => code);
}

describe("trimming", () => {
  it("removes segments below an offset, and hides the rest below it", async () => {
    const { rig, partition, values } = await filled();
    const [, second, third] = basesOf(partition) as [number, number, number];
    assert.ok(third - second > 2);
    await partition.trimTo(second + 2);
    assert.deepEqual([partition.lowWatermark, partition.trimmedCount], [second + 2, second + 2]);
    assert.equal(basesOf(partition)[0], second);
    assert.deepEqual(await readValues(partition, second + 2), values.slice(second + 2));
    for (const offset of [0, second, second + 1]) {
      await assert.rejects(partition.readChunk(offset, 100), outOfRange);
      assert.equal(partition.cachedChunk(offset), undefined);
    }
    const files = await filesOf(rig);
    assert.deepEqual([files.includes("00000000000000000000.log"), files.at(-1)], [false, trimMarkFileName]);
    await partition.trimTo(third);
    assert.equal((await filesOf(rig)).filter((name) => name < String(third).padStart(20, "0")).length, 0);
  });

  it("keeps its low watermark over a restart", async () => {
    const { rig, partition, values } = await filled();
    await partition.trimTo(17);
    const again = await rig.reopen();
    assert.deepEqual([again.lowWatermark, again.recovery?.damages, again.trimmedCount], [17, [], 0]);
    assert.deepEqual(await readValues(again, 17), values.slice(17));
    assert.deepEqual(await faultsOf(rig), []);
    await again.trimTo(30);
    assert.equal((await rig.reopen()).lowWatermark, 30);
  });

  it("takes the side files of a segment with it", async () => {
    const { rig, partition } = await filled();
    const second = basesOf(partition)[1]!;
    for (const name of ["00000000000000000000-96.torn", "00000000000000000001.log.damaged"])
      await rig.replace(`${directory}/${name}`, Buffer.from("kept aside"));
    await rig.replace(`${directory}/notes.txt`, Buffer.from("not ours"));
    await partition.trimTo(second);
    const files = await filesOf(rig);
    assert.equal(files[0], `${String(second).padStart(20, "0")}.index`);
    assert.ok(files.includes("notes.txt"));
  });

  it("refuses offsets that are not there yet", async () => {
    const { partition } = await filled();
    for (const offset of [41, -1, 0.5, Number.NaN]) await assert.rejects(partition.trimTo(offset), outOfRange);
    await partition.trimTo(40);
    assert.deepEqual([partition.lowWatermark, await readValues(partition, 40)], [40, []]);
    await partition.trimTo(3);
    assert.equal(partition.lowWatermark, 40);
  });

  it("syncs what it trims, so that no new record is below", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096 });
    const partition = await rig.open();
    rig.appendEach("a", "b", "c");
    assert.equal(partition.syncedWatermark, 0);
    await partition.trimTo(3);
    assert.equal(partition.syncedWatermark, 3);
    const again = await rig.reopenAfterCrash(1, "power");
    assert.deepEqual([again.status, again.lowWatermark, again.nextOffset], ["open", 3, 3]);
  });

  it("empties all there is, and goes on at the next offset", async () => {
    const { rig, partition } = await filled();
    const emptied = partition.empty();
    assert.equal(rig.append("after"), 40);
    await emptied;
    assert.deepEqual([partition.lowWatermark, await readValues(partition, 40)], [40, ["after"]]);
    await partition.empty();
    assert.deepEqual([basesOf(partition), partition.storedBytes], [[41], 96]);
    assert.deepEqual(await filesOf(rig), ["00000000000000000041.log", trimMarkFileName]);
    await partition.empty();
    assert.deepEqual(basesOf(partition), [41]);
    const again = await rig.reopen();
    rig.appendEach("more");
    assert.deepEqual([again.recovery?.damages, await readValues(again, 41)], [[], ["more"]]);
  });

  it("finds times among what is left", async () => {
    const { rig, partition } = await filled();
    const start = rig.clock.nowMs() - 400;
    assert.equal(await partition.offsetAt(start + 100), 10);
    await partition.trimTo(20);
    assert.equal(await partition.offsetAt(start + 100), 20);
    assert.equal(await partition.offsetAt(start + 300), 30);
  });

  it("says which segment is newest since when", async () => {
    const { rig, partition } = await filled();
    const newest = basesOf(partition).at(-1)!;
    assert.equal(partition.newestSegmentSinceMs, rig.clock.nowMs() - 10 * (40 - newest));
    await partition.roll();
    assert.deepEqual([partition.newestSegmentSinceMs, basesOf(partition).at(-1)], [undefined, 40]);
    await partition.roll();
    assert.equal(basesOf(partition).at(-1), 40);
  });
});

describe("a reader of a trimmed segment", () => {
  it("finishes on what it holds", async () => {
    const { partition, values } = await filled();
    const chunk = (await partition.readChunk(0, 100_000))!;
    await partition.trimTo(40);
    const cursor = new RecordCursor();
    cursor.reset(chunk, 0);
    for (let offset = 0; cursor.next(); offset++)
      assert.equal(cursor.bytes.toString("latin1", cursor.valueStart, cursor.valueEnd), values[offset]);
  });

  it("finishes a read under way, or is told that the offset is gone", async () => {
    const { partition, rig } = await filled();
    const again = await rig.reopen(); // Nothing is cached.
    assert.notEqual(again, partition);
    const reads = Array.from({ length: 40 }, (_, offset) => again.readChunk(offset, 100));
    const trimmed = again.trimTo(36);
    for (const [offset, result] of (await Promise.allSettled(reads)).entries()) {
      if (result.status === "fulfilled") assert.equal(result.value!.offsetFirst, offset);
      else assert.ok(isCodedError(result.reason, "log.OFFSET_OUT_OF_RANGE"));
    }
    await trimmed;
    assert.ok(again.segments.length <= 2);
  });

  it("holds no file open once it has finished", async () => {
    const { rig } = await filled();
    const open = new Set<string>();
    const storage = rig.storage;
    const openFile = storage.open.bind(storage);
    storage.open = async (path, mode) => {
      const file = await openFile(path, mode);
      open.add(path);
      const close = file.close.bind(file);
      return Object.assign(file, { close: () => close().finally(() => open.delete(path)) });
    };
    const again = await rig.reopen();
    for (const { baseOffset } of again.segments) await again.readChunk(baseOffset, 100);
    const reads = again.segments.map(({ baseOffset }) => again.readChunk(baseOffset, 100));
    assert.ok(open.size > 3);
    await again.trimTo(40);
    await Promise.allSettled(reads);
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.deepEqual([...open], [segmentPath(again.segments[0]!.baseOffset)]);
    await again.close();
    assert.equal(open.size, 0);
  });
});

describe("recovery of a trimmed partition", () => {
  it("reports what is missing in front without having been trimmed", async () => {
    for (const trimmedTo of [0, 9]) {
      const { rig, partition, values } = await filled();
      if (trimmedTo > 0) await partition.trimTo(trimmedTo);
      const [first, next] = basesOf(partition) as [number, number];
      await partition.close();
      await rig.remove(segmentPath(first));
      rig.build();
      const again = await rig.open();
      const damage = again.recovery!.damages[0]!;
      assert.ok(isCodedError(damage, "log.OFFSETS_MISSING"));
      assert.deepEqual([damage.details["offsetFirst"], damage.details["offsetNext"]], [trimmedTo, next]);
      assert.deepEqual([again.status, again.lowWatermark], ["open", next]);
      assert.deepEqual(await readValues(again, next), values.slice(next));
      assert.deepEqual(await faultsOf(rig), ["log.OFFSETS_MISSING"]);
    }
  });

  it("reports it too when the mark is lost or of another partition", async () => {
    const { rig, partition } = await filled();
    await partition.trimTo(20);
    await partition.close();
    const mark = rig.storage.content(markPath)!;
    for (let bit = 0; bit < 64 * 8; bit++) {
      const flipped = Buffer.from(mark);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      await rig.replace(markPath, flipped);
      rig.build();
      const again = await rig.open();
      assert.deepEqual(
        again.recovery!.damages.map(({ code }) => code),
        ["log.OFFSETS_MISSING"],
      );
      await again.close();
    }
    await rig.remove(markPath);
    rig.build();
    assert.equal((await rig.open()).recovery!.damages.length, 1);
  });

  it("goes back to the older mark when the newer one is torn", async () => {
    const { rig, partition } = await filled();
    await partition.trimTo(1);
    await partition.trimTo(2);
    await partition.close();
    const mark = rig.storage.content(markPath)!;
    await rig.replace(markPath, mark.subarray(0, mark.length - 1));
    rig.build();
    const again = await rig.open();
    assert.deepEqual([again.lowWatermark, again.recovery?.damages], [1, []]);
  });

  it("refuses records that would be below the mark", async () => {
    const { rig, partition } = await filled();
    const bases = basesOf(partition);
    await partition.trimTo(40);
    await partition.close();
    const newest = bases.at(-1)!;
    await rig.replace(segmentPath(newest), rig.segment(newest).subarray(0, 96));
    await rig.remove(indexPath(newest));
    rig.build();
    const again = await rig.open();
    assert.equal(again.status, "readOnly");
    assert.ok(isCodedError(again.recovery!.refusal, "log.OFFSETS_MISSING"));
  });

  it("refuses a partition of which only the mark is left", async () => {
    const { rig, partition } = await filled();
    await partition.empty();
    await partition.close();
    await rig.remove(segmentPath(40));
    rig.build();
    const again = await rig.open();
    assert.ok(isCodedError(again.recovery!.refusal, "log.PARTITION_MISSING"));
  });
});
