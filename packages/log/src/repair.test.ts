import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { isCodedError } from "@polylog/base/errors";
import { isDamaged, type RepairReport, repairPartition } from "./repair.ts";
import { encodeSegmentHeader } from "./segment.ts";
import type { MemoryStorage } from "./storage/memory-storage.ts";
import { compressed } from "./testing/compressed-file.ts";
import { directory, indexPath, PartitionRig, readAll, segmentPath } from "./testing/partition-rig.ts";
import { readRawSegment } from "./testing/raw-segment.ts";
import { verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };
const nowMs = 1_800_000_000_000;
/** 1 flips every bit, which takes minutes; with an odd number every place in a byte has its turn. */
const bitStep = Number(process.env["POLYLOG_BIT_STEP"] ?? 31);

/** A closed partition of `segments` segments and more, each with some batches of two records. */
async function rolled(segmentCount: number): Promise<{ rig: PartitionRig; bases: number[]; values: string[] }> {
  const rig = new PartitionRig({ segmentSizeMax: 450 });
  const partition = await rig.open();
  const values: string[] = [];
  let bases: number[] = [];
  while (bases.length < segmentCount || partition.nextOffset < bases.at(-1)! + 4) {
    for (const each of ["a", "b"]) {
      values.push(`${values.length}${each} x`);
      rig.append(values.at(-1)!);
    }
    await partition.sync();
    const names = (await rig.storage.list(directory))!.filter((name) => name.endsWith(".log"));
    bases = names.map((name) => Number(name.slice(0, 20)));
  }
  await partition.close();
  return { rig, bases, values };
}

const repair = (storage: MemoryStorage, apply: boolean): Promise<RepairReport> =>
  repairPartition(storage, directory, identity, { apply, nowMs });

/** Content of every file of the partition, by name. */
async function filesOf(rig: PartitionRig): Promise<Map<string, Buffer>> {
  const names = (await rig.storage.list(directory))!;
  return new Map(names.map((name) => [name, rig.storage.content(`${directory}/${name}`)!]));
}

/** Makes the partition's directory hold these files and no others. */
async function putFiles(rig: PartitionRig, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const name of (await rig.storage.list(directory))!)
    if (!files.has(name)) await rig.storage.removeFile(`${directory}/${name}`);
  for (const [name, content] of files) await rig.replace(`${directory}/${name}`, content);
}

/** Repairs, and checks that it is whole, done for good, open for records, and has all of `values` but those lost. */
async function checkRepair(rig: PartitionRig, values: readonly string[], what: string): Promise<RepairReport> {
  const planned = await repair(rig.storage, false);
  const report = await repair(rig.storage, true);
  assert.deepEqual(report.actions, planned.actions, what);
  await checkRepaired(rig, values, report, what);
  return report;
}

async function checkRepaired(
  rig: PartitionRig,
  values: readonly string[],
  report: RepairReport,
  what: string,
): Promise<void> {
  assert.deepEqual(report.faults, [], what);
  assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, [], what);
  assert.deepEqual((await repair(rig.storage, true)).actions, [], what);
  rig.build();
  const partition = await rig.open();
  assert.deepEqual([partition.status, partition.recovery?.damages], ["open", []], what);
  const lost = report.actions.flatMap((action) => action.lost);
  const isLost = (offset: number): boolean =>
    lost.some((range) => range.offsetFirst <= offset && offset < range.offsetNext);
  const read = await readAll(partition, partition.lowWatermark);
  const end = partition.nextOffset;
  const expected = values
    .map((_, offset) => offset)
    .filter((offset) => offset >= partition.lowWatermark && offset < end && !isLost(offset));
  assert.deepEqual(
    read.map(({ offset }) => offset),
    expected,
    what,
  );
  for (const { offset, value } of read) assert.equal(value, values[offset], what);
  assert.ok(end === values.length || report.actions.at(-1) === undefined || end >= values.length - 2, what);
  rig.append("next");
  await partition.sync();
  assert.equal((await readAll(partition, end))[0]?.value, "next", what);
  await partition.close();
  assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, [], what);
}

describe("repair", () => {
  it("finds nothing to do in a partition that is whole", async () => {
    const { rig } = await rolled(3);
    assert.deepEqual(await repair(rig.storage, false), { actions: [], faults: [] });
    assert.deepEqual(await repair(rig.storage, true), { actions: [], faults: [] });
  });

  it("changes nothing in a dry run", async () => {
    const { rig, bases } = await rolled(3);
    const segment = rig.segment(bases[1]!);
    segment[readRawSegment(segment)[1]!.start + 85]! ^= 1;
    await rig.replace(segmentPath(bases[1]!), segment);
    const before = await filesOf(rig);
    const report = await repair(rig.storage, false);
    assert.ok(isDamaged(report));
    assert.deepEqual(await filesOf(rig), before);
    const [action] = report.actions;
    const offset = readRawSegment(rig.segment(bases[0]!)).length * 2 + 2;
    assert.deepEqual(action?.lost, [{ offsetFirst: offset, offsetNext: offset + 2 }]);
    assert.equal(action?.keptBytes, segment.length);
  });

  it(`mends a flipped bit, one in ${bitStep}, and keeps the file`, async () => {
    const { rig, bases, values } = await rolled(3);
    const files = await filesOf(rig);
    for (const base of bases) {
      const path = segmentPath(base);
      const name = path.slice(directory.length + 1);
      const whole = files.get(name)!;
      for (let bit = 0; bit < whole.length * 8; bit += bitStep) {
        const damaged = Buffer.from(whole);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        await putFiles(rig, new Map(files).set(name, damaged));
        const report = await repair(rig.storage, true);
        await checkRepaired(rig, values, report, `${name} bit ${bit}`);
        assert.ok(isDamaged(report), `${name} bit ${bit}`);
        assert.deepEqual(rig.storage.content(`${path}.damaged`), damaged);
        const lost = report.actions
          .flatMap((action) => action.lost)
          .reduce((sum, each) => sum + each.offsetNext - each.offsetFirst, 0);
        assert.ok(lost <= 2, `${name} bit ${bit} lost ${lost}`);
      }
    }
  });

  it("fills the place of a missing segment", async () => {
    const { rig, bases, values } = await rolled(4);
    const files = await filesOf(rig);
    for (const missing of [[1], [2], [1, 2]]) {
      await putFiles(rig, files);
      for (const at of missing) await rig.remove(segmentPath(bases[at]!));
      const report = await checkRepair(rig, values, `without ${missing}`);
      const first = bases[missing[0]!]!;
      assert.deepEqual(
        report.actions.map(({ kind, lost }) => [kind, lost]),
        [["fill", [{ offsetFirst: first, offsetNext: bases[missing.at(-1)! + 1]! }]]],
      );
    }
  });

  it("takes what is left of files cut anywhere", async () => {
    const { rig, bases, values } = await rolled(3);
    const files = await filesOf(rig);
    for (const base of bases) {
      const name = segmentPath(base).slice(directory.length + 1);
      const whole = files.get(name)!;
      for (let size = 0; size < whole.length; size += 23) {
        await putFiles(rig, new Map(files).set(name, whole.subarray(0, size)));
        await checkRepair(rig, values, `${name} cut at ${size}`);
      }
    }
  });

  it("makes a chain of what was put together from others", async () => {
    const { rig, bases, values } = await rolled(3);
    const segment = rig.segment(bases[1]!);
    const batch = readRawSegment(segment)[1]!;
    segment[batch.start + 48]! ^= 1;
    segment.writeUInt32LE(crc32(segment.subarray(batch.start + 12, batch.end)), batch.start + 8);
    await rig.replace(segmentPath(bases[1]!), segment);
    const report = await checkRepair(rig, values, "link");
    assert.deepEqual(
      report.actions.map(({ lost }) => lost),
      [[]],
    );
  });

  it("makes indexes that are missing, which is no damage", async () => {
    const { rig, bases, values } = await rolled(3);
    await rig.remove(indexPath(bases[0]!));
    const report = await checkRepair(rig, values, "index");
    assert.deepEqual(
      report.actions.map(({ kind }) => kind),
      ["index"],
    );
    assert.equal(isDamaged(report), false);
  });

  it("keeps the files of two repairs apart", async () => {
    const { rig, bases } = await rolled(3);
    const path = segmentPath(bases[0]!);
    const kept: (string | undefined)[] = [];
    for (const at of [180, 181]) {
      const segment = rig.storage.content(path)!;
      segment[at]! ^= 1;
      await rig.replace(path, segment);
      const { actions } = await repair(rig.storage, true);
      kept.push(actions[0]?.keptFile);
    }
    assert.equal(kept[0], `${path.slice(directory.length + 1)}.damaged`);
    assert.equal(kept[1], `${path.slice(directory.length + 1)}.damaged-2`);
  });

  it("refuses what is whole and not its own", async () => {
    const { rig, bases } = await rolled(3);
    const files = await filesOf(rig);
    const newer = rig.segment(bases[0]!);
    const batch = readRawSegment(newer)[1]!;
    newer[batch.start + 13] = 128;
    newer.writeUInt32LE(crc32(newer.subarray(batch.start + 12, batch.end)), batch.start + 8);
    const other = rig.segment(bases[0]!);
    encodeSegmentHeader({ log: "others", partition: 0 }, 0, 0, Buffer.alloc(32)).copy(other);
    for (const content of [newer, other]) {
      await putFiles(rig, files);
      await rig.replace(segmentPath(0), content);
      const before = await filesOf(rig);
      await assert.rejects(repair(rig.storage, true), (error) => isCodedError(error, "log.REPAIR_REFUSED"));
      assert.deepEqual(await filesOf(rig), before);
    }
  });
});

describe("a repair that is interrupted", () => {
  it("comes to the same end when done again", async () => {
    const { rig, bases, values } = await rolled(4);
    const files = await filesOf(rig);
    const names = bases.map((base) => segmentPath(base).slice(directory.length + 1));
    const damaged = new Map(files);
    damaged.delete(names[1]!);
    for (const at of [0, 2, 3]) {
      const content = Buffer.from(files.get(names[at]!)!);
      content[readRawSegment(content)[1]!.start + 85]! ^= 1;
      damaged.set(names[at]!, content);
    }
    await putFiles(rig, damaged);
    const whole = await repair(rig.storage, false);
    for (const call of ["open", "read", "write", "sync", "rename", "removeFile", "syncDirectory"] as const) {
      for (let nth = 1; ; nth++) {
        await putFiles(rig, damaged);
        rig.storage.failAt(call, nth);
        const done = await repair(rig.storage, true).then(
          () => true,
          () => false,
        );
        rig.storage = rig.storage.crash(nth, { of: nth % 3 === 0 ? "process" : "power" });
        const report = await repair(rig.storage, true);
        await checkRepaired(rig, values, { actions: whole.actions, faults: report.faults }, `${call} ${nth}`);
        for (const at of [0, 2, 3])
          assert.deepEqual(rig.storage.content(`${segmentPath(bases[at]!)}.damaged`), damaged.get(names[at]!));
        if (done) break;
      }
    }
  });
});

describe("repair of a partition that was trimmed or compressed", () => {
  it("fills what is missing behind the mark, and leaves what lies below", async () => {
    const { rig, bases, values } = await rolled(4);
    rig.build();
    const partition = await rig.open();
    await partition.trimTo(bases[1]! + 2);
    await partition.close();
    await rig.remove(segmentPath(bases[1]!));
    const report = await checkRepair(rig, values, "front");
    assert.deepEqual(
      report.actions.map(({ kind, lost }) => [kind, lost]),
      [["fill", [{ offsetFirst: bases[1]! + 2, offsetNext: bases[2]! }]]],
    );
    assert.equal((await rig.reopen()).lowWatermark, bases[1]! + 2);
  });

  it("gives no offset again that was trimmed", async () => {
    const { rig, bases } = await rolled(3);
    rig.build();
    const partition = await rig.open();
    const end = partition.nextOffset;
    await partition.trimTo(end);
    await partition.close();
    await rig.remove(indexPath(bases.at(-1)!));
    const newest = rig.segment(bases.at(-1)!);
    await rig.replace(segmentPath(bases.at(-1)!), newest.subarray(0, readRawSegment(newest)[0]!.end));
    const { actions, faults } = await repair(rig.storage, true);
    assert.deepEqual([actions.map(({ kind, lost }) => [kind, lost]), faults], [[["rewrite", []]], []]);
    assert.equal((await repair(rig.storage, true)).actions.length, 0);
    rig.build();
    const repaired = await rig.open();
    assert.deepEqual([repaired.status, repaired.recovery?.damages, repaired.nextOffset], ["open", [], end]);
  });

  it("writes a damaged compressed segment anew, and keeps its file", async () => {
    const { rig, bases, values } = await rolled(4);
    const name = segmentPath(bases[1]!).slice(directory.length + 1);
    const files = await filesOf(rig);
    const stored = compressed(files.get(name)!);
    files.delete(name);
    for (let at = 0; at < stored.length; at += 7) {
      const damaged = Buffer.from(stored);
      damaged[at]! ^= 1 << (at % 8);
      await putFiles(rig, new Map(files).set(`${name}.lz4`, damaged));
      const report = await checkRepair(rig, values, `byte ${at}`);
      assert.deepEqual(
        report.actions.map(({ kind, file, keptFile, keptBytes }) => [kind, file, keptFile, keptBytes]),
        [["rewrite", `${name}.lz4`, `${name}.lz4.damaged`, damaged.length]],
      );
      assert.deepEqual(rig.storage.content(`${directory}/${name}.lz4.damaged`), damaged);
      assert.equal((await rig.storage.list(directory))!.includes(`${name}.lz4`), false);
    }
  });

  it("passes over a compressed segment that is whole", async () => {
    const { rig, bases } = await rolled(4);
    const path = segmentPath(bases[1]!);
    await rig.replace(`${path}.lz4`, compressed(rig.segment(bases[1]!)));
    await rig.remove(path);
    assert.deepEqual(await repair(rig.storage, true), { actions: [], faults: [] });
  });
});
