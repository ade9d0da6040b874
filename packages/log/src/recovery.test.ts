import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blake3 } from "@napi-rs/blake-hash";
import { isCodedError } from "@polylog/base/errors";
import { genesisLink } from "./chain.ts";
import { encodeSegmentHeader } from "./segment.ts";
import { segmentFooterSize } from "./segment-footer.ts";
import { decodeIndexSummary } from "./sparse-index.ts";
import { directory, indexPath, PartitionRig, readValues, segmentPath } from "./testing/partition-rig.ts";
import { readRawSegment, sealed } from "./testing/raw-segment.ts";

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

/** A closed partition with `batches` batches of three records each, and what they hold. */
async function written(batches: number): Promise<{ rig: PartitionRig; values: string[] }> {
  const rig = new PartitionRig();
  await rig.open();
  const values: string[] = [];
  for (let batch = 0; batch < batches; batch++) {
    for (const each of ["a", "bb", ""]) {
      values.push(`${batch}${each}`);
      rig.append(values.at(-1)!);
    }
    rig.clock.turn();
  }
  await rig.partition.close();
  return { rig, values };
}

/** Opens the partition with `content` as its first segment, and no index. */
async function openWith(rig: PartitionRig, content: Buffer, keepIndex = false): Promise<PartitionRig["partition"]> {
  await rig.replace(segmentPath(0), content);
  if (!keepIndex) await rig.remove(indexPath(0)).catch(() => undefined);
  rig.build();
  return rig.open();
}

describe("recovery of a torn tail", () => {
  it("keeps every whole batch, wherever the last two are cut", async () => {
    const { rig, values } = await written(4);
    const whole = rig.segment();
    const batches = readRawSegment(whole);
    assert.equal(batches.length, 4);
    for (let size = batches[2]!.start; size <= whole.length; size++) {
      const partition = await openWith(rig, whole.subarray(0, size));
      const intact = readRawSegment(whole.subarray(0, size)).length;
      assert.equal(partition.status, "open", `cut at ${size}`);
      assert.equal(partition.highWatermark, intact * 3);
      assert.equal(partition.recovery?.tornBytes, size - batches[intact - 1]!.end);
      rig.appendEach("new");
      assert.deepEqual(await readValues(partition), [...values.slice(0, intact * 3), "new"]);
      await partition.close();
      assert.deepEqual(readRawSegment(rig.segment()).at(-1)?.values, ["new"]);
    }
  });

  it("keeps what it cuts in a file", async () => {
    const { rig } = await written(3);
    const whole = rig.segment();
    const last = readRawSegment(whole)[2]!;
    const partition = await openWith(rig, whole.subarray(0, last.end - 1));
    const name = `${String(0).padStart(20, "0")}-${last.start}.torn`;
    assert.equal(partition.recovery?.tornFile, name);
    assert.deepEqual(rig.storage.content(`${directory}/${name}`), whole.subarray(last.start, last.end - 1));
    assert.equal(rig.segment().length, last.start);
  });

  it("cuts zeros behind the last batch", async () => {
    const { rig } = await written(2);
    const partition = await openWith(rig, Buffer.concat([rig.segment(), Buffer.alloc(5000)]));
    assert.deepEqual([partition.status, partition.recovery?.tornBytes], ["open", 0]);
    assert.equal(rig.segment().length, readRawSegment(rig.segment()).at(-1)!.end);
    assert.deepEqual(
      (await rig.storage.list(directory))?.filter((name) => name.endsWith(".torn")),
      [],
    );
  });

  it("comes to the same end when it is interrupted at any call", async () => {
    const { rig, values } = await written(3);
    const whole = rig.segment();
    const torn = whole.subarray(0, whole.length - 5);
    for (const call of ["open", "read", "write", "sync", "truncate", "syncDirectory"] as const) {
      for (let nth = 1; nth < 20; nth++) {
        await rig.replace(segmentPath(0), torn);
        await rig.remove(indexPath(0)).catch(() => undefined);
        rig.storage.failAt(call, nth);
        rig.build();
        const failed = await rig.open().then(
          () => false,
          () => true,
        );
        if (!failed) {
          rig.storage = rig.storage.crash(nth, { of: "process" }); // Forgets the failure that was not reached.
          assert.ok(nth > 1, call);
          break;
        }
        assert.equal(rig.partition.status, "readOnly");
        const partition = await rig.reopenAfterCrash(nth, "power");
        assert.equal(partition.status, "open", `${call} ${nth}`);
        assert.deepEqual(await readValues(partition), values.slice(0, 6));
        await partition.close();
        assert.equal(rig.segment().length, readRawSegment(whole)[2]!.start);
      }
    }
  });

  it("finds nothing to do when done again", async () => {
    const { rig } = await written(3);
    await (await openWith(rig, rig.segment().subarray(0, -1))).close();
    const again = await rig.reopen();
    assert.equal(again.recovery?.tornBytes, 0);
    assert.deepEqual(again.recovery?.damages, []);
    assert.equal(again.recovery?.scannedBytes, readRawSegment(rig.segment()).at(-1)!.end - 96);
  });
});

describe("recovery of damage", () => {
  it("notices every flipped bit of a segment", async () => {
    const { rig, values } = await written(3);
    const whole = rig.segment();
    const last = readRawSegment(whole)[2]!;
    const unnoticed: number[] = [];
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const partition = await openWith(rig, flipped);
      const isLast = bit >> 3 >= last.start;
      const noticed = isLast ? (partition.recovery?.tornBytes ?? 0) > 0 : partition.status === "readOnly";
      const read = await readValues(partition).catch(() => [] as string[]);
      if (!noticed || !values.join().startsWith(read.join())) unnoticed.push(bit);
      await partition.close();
    }
    assert.deepEqual(unnoticed, []);
  });

  it("takes a flipped bit for damage where a clean stop vouches for it", async () => {
    const { rig } = await written(3);
    const whole = rig.segment();
    const index = rig.storage.content(indexPath(0))!;
    for (let at = readRawSegment(whole)[2]!.start; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 4;
      await rig.replace(indexPath(0), index);
      const partition = await openWith(rig, flipped, true);
      assert.equal(partition.status, "readOnly", `byte ${at}`);
      assert.deepEqual(rig.segment(), flipped);
      await partition.close();
    }
    await rig.replace(indexPath(0), index);
    const shorter = await openWith(rig, whole.subarray(0, whole.length - 9), true);
    assert.equal(shorter.status, "readOnly");
    assert.ok(isCodedError(shorter.recovery?.damages[0], "log.CORRUPT_SEGMENT"));
  });

  it("leaves everything in place and reads around it", async () => {
    const { rig, values } = await written(5);
    const damaged = rig.segment();
    const [, second] = readRawSegment(damaged);
    damaged[second!.start + 82]! ^= 1;
    const partition = await openWith(rig, damaged);
    assert.equal(partition.status, "readOnly");
    assert.throws(() => rig.append("x"), hasCode("log.PARTITION_READ_ONLY"));
    assert.deepEqual(rig.segment(), damaged);
    const report = partition.recovery!.damages[0]!;
    assert.deepEqual([report.details["offsetFirst"], report.details["offsetNext"]], [3, 6]);
    assert.deepEqual((await partition.readChunk(0, 1_000_000))?.offsetNext, 3);
    for (const offset of [3, 4, 5]) {
      await assert.rejects(partition.readChunk(offset, 100), (error) => {
        assert.ok(isCodedError(error, "log.CORRUPT_BATCH"));
        assert.deepEqual([error.details["offsetFirst"], error.details["offsetNext"]], [3, 6]);
        return true;
      });
    }
    assert.deepEqual(await readValues(partition, 6), values.slice(6));
  });

  it("refuses batches of a newer format without cutting them", async () => {
    const { rig } = await written(2);
    const segment = rig.segment();
    const last = readRawSegment(segment)[1]!;
    const { crc32 } = await import("node:zlib");
    segment[last.start + 13] = 2;
    segment.writeUInt32LE(crc32(segment.subarray(last.start + 12, last.end)), last.start + 8);
    const partition = await openWith(rig, segment);
    assert.deepEqual([partition.status, partition.highWatermark], ["readOnly", 3]);
    assert.deepEqual(rig.segment(), segment);
  });

  it("refuses whole batches in a wrong place", async () => {
    const { rig } = await written(3);
    const segment = rig.segment();
    const [first, second, third] = readRawSegment(segment);
    const swapped = Buffer.concat([segment.subarray(0, first!.end), segment.subarray(third!.start, third!.end)]);
    assert.equal((await openWith(rig, swapped)).status, "readOnly");
    const repeated = Buffer.concat([segment, segment.subarray(second!.start, second!.end)]);
    const partition = await openWith(rig, repeated);
    assert.deepEqual([partition.status, partition.highWatermark], ["readOnly", 9]);
  });

  it("refuses a segment of another log or partition", async () => {
    const { rig } = await written(2);
    const segment = rig.segment();
    for (const identity of [
      { log: "others", partition: 0 },
      { log: "orders", partition: 1 },
    ]) {
      encodeSegmentHeader(identity, 0, 0, genesisLink).copy(segment);
      const partition = await openWith(rig, segment);
      assert.equal(partition.status, "readOnly");
      assert.ok(isCodedError(partition.recovery?.refusal, "log.CORRUPT_SEGMENT"));
    }
  });
});

/** A closed partition of several segments. */
async function rolled(): Promise<{ rig: PartitionRig; values: string[]; bases: number[] }> {
  const rig = new PartitionRig({ segmentSizeMax: 4096 });
  const partition = await rig.open();
  for (let i = 0; i < 40; i++) {
    rig.append(`${i} ${"x".repeat(500)}`);
    await partition.sync();
  }
  const values = await readValues(partition);
  await partition.close();
  const names = (await rig.storage.list(directory))!.filter((name) => name.endsWith(".log"));
  return { rig, values, bases: names.map((name) => Number(name.slice(0, 20))) };
}

describe("recovery of several segments", () => {
  it("reports damage in an older one when it is read", async () => {
    const { rig, values, bases } = await rolled();
    const path = segmentPath(bases[2]!);
    const segment = rig.storage.content(path)!;
    const batch = readRawSegment(segment)[1]!;
    segment[batch.start + 90]! ^= 128;
    await rig.replace(path, segment);
    rig.build();
    const partition = await rig.open();
    assert.equal(partition.status, "open");
    await assert.rejects(readValues(partition), (error) => {
      assert.ok(isCodedError(error, "log.CORRUPT_BATCH"));
      assert.deepEqual([error.details["offsetFirst"], error.details["offsetNext"]], [batch.offset, batch.offset + 1]);
      return true;
    });
    assert.deepEqual(await readValues(partition, batch.offset + 1), values.slice(batch.offset + 1));
    rig.appendEach("still open");
    assert.equal((await readValues(partition, 40))[0], "still open");
  });

  it("reports a missing segment", async () => {
    const { rig, values, bases } = await rolled();
    await rig.remove(segmentPath(bases[2]!));
    rig.build();
    const partition = await rig.open();
    assert.equal(partition.status, "open");
    const damage = partition.recovery!.damages[0]!;
    assert.ok(isCodedError(damage, "log.OFFSETS_MISSING"));
    assert.deepEqual([damage.details["offsetFirst"], damage.details["offsetNext"]], [bases[2], bases[3]]);
    await assert.rejects(partition.readChunk(bases[2]!, 100), hasCode("log.CORRUPT_BATCH"));
    assert.deepEqual(await readValues(partition, bases[3]!), values.slice(bases[3]!));
  });

  it("makes indexes again that are missing or wrong", async () => {
    const { rig, values, bases } = await rolled();
    const other = rig.storage.content(indexPath(bases[1]!))!;
    await rig.remove(indexPath(bases[0]!));
    await rig.replace(indexPath(bases[2]!), other);
    await rig.replace(indexPath(bases[3]!), Buffer.from("nonsense"));
    await rig.replace(indexPath(bases[4]!), rig.storage.content(indexPath(bases[4]!))!.subarray(0, -3));
    rig.build();
    const partition = await rig.open();
    assert.deepEqual(partition.recovery?.damages, []);
    assert.deepEqual(await readValues(partition), values);
    for (const offset of [0, 13, 27, 39]) assert.equal((await readValues(partition, offset))[0], values[offset]);
    for (const base of bases.slice(0, -1)) {
      const summary = decodeIndexSummary(rig.storage.content(indexPath(base))!)!;
      assert.equal(summary.segmentSize, rig.segment(base).length - segmentFooterSize);
    }
  });

  it("goes on with a newest segment that has no good header yet", async () => {
    const { rig, values, bases } = await rolled();
    const whole = rig.segment(bases.at(-1)!);
    const link = blake3(whole.subarray(readRawSegment(whole).at(-1)!.start));
    await rig.replace(segmentPath(bases.at(-1)!), sealed(whole));
    const header = encodeSegmentHeader({ log: "orders", partition: 0 }, 40, 0, link);
    for (const content of [Buffer.alloc(0), Buffer.alloc(96), header.subarray(0, 40), header]) {
      await rig.replace(segmentPath(40), content);
      rig.build();
      const partition = await rig.open();
      assert.deepEqual([partition.status, partition.nextOffset], ["open", 40]);
      assert.deepEqual(partition.recovery?.damages, []);
      rig.appendEach("first of the new segment");
      await partition.close();
      assert.deepEqual(readRawSegment(rig.segment(40))[0]?.offset, 40);
      const again = await rig.reopen();
      assert.deepEqual(await readValues(again), [...values, "first of the new segment"]);
      await again.close();
      await rig.remove(indexPath(40));
    }
  });

  it("refuses a partition that should be there and is not", async () => {
    const rig = new PartitionRig({ expect: "existing" });
    const partition = await rig.open();
    assert.equal(partition.status, "readOnly");
    assert.ok(isCodedError(partition.recovery?.refusal, "log.PARTITION_MISSING"));
    assert.equal(await partition.readChunk(0, 10), undefined);
    assert.equal(await partition.offsetAt(0), 0);
  });

  it("refuses records where a new partition should be", async () => {
    const { rig } = await rolled();
    rig.build({ expect: "new" });
    await assert.rejects(rig.open());
    assert.equal(rig.partition.status, "readOnly");
  });

  it("raises the epoch above what the batches have", async () => {
    const { rig } = await rolled();
    const partition = await rig.reopen({ epoch: 1 });
    rig.appendEach("later");
    const chunk = (await partition.readChunk(40, 100))!;
    assert.equal(chunk.bytes.readUInt32LE(chunk.start + 16), 2);
  });
});
