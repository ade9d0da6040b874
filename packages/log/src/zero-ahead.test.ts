import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { batchHeadFault } from "./batch.ts";
import { scanPastDamage } from "./batch-scan.ts";
import { repairPartition } from "./repair.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import type { OpenMode, StorageFile, SyncListener } from "./storage/storage.ts";
import {
  directory,
  indexPath,
  PartitionRig,
  type PartitionRigOptions,
  readValues,
  segmentPath,
  WaiterLog,
} from "./testing/partition-rig.ts";
import { readRawSegment } from "./testing/raw-segment.ts";
import { verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };
const step = 8192;

async function openRig(options: PartitionRigOptions = {}): Promise<PartitionRig> {
  const rig = new PartitionRig({ zeroAhead: { size: step, syncsMin: 2 }, ...options });
  await rig.open();
  return rig;
}

/** Appends each value and waits until it is synced. */
async function appendSynced(rig: PartitionRig, ...values: string[]): Promise<void> {
  for (const value of values) {
    rig.append(value);
    await rig.partition.sync();
  }
}

/** A partition with three batches and zeros behind them, and the file it has then. */
async function withZeros(options: PartitionRigOptions = {}): Promise<{ rig: PartitionRig; file: Buffer; end: number }> {
  const rig = await openRig(options);
  await appendSynced(rig, "a", "b", "c");
  const file = rig.segment();
  const end = endOf(file);
  assert.equal(file.length, step);
  assert.deepEqual(file.subarray(end), Buffer.alloc(step - end));
  return { rig, file, end };
}

/** Writes at once, and syncs when the test says so. */
class SlowSyncStorage extends MemoryStorage {
  readonly #syncs: (() => void)[] = [];
  isSlow = false;

  override async open(path: string, mode: OpenMode): Promise<StorageFile> {
    const file = await super.open(path, mode);
    const sync = (listener: SyncListener): void => {
      if (this.isSlow) this.#syncs.push(() => file.sync(listener));
      else file.sync(listener);
    };
    return {
      size: () => file.size(),
      read: (target, position) => file.read(target, position),
      write: (buffers, position, listener) => file.write(buffers, position, listener),
      sync,
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  }

  releaseSync(): void {
    this.#syncs.shift()?.();
  }
}

/** As `withZeros`, on files that are slow to sync from now on. */
async function withSlowSyncs(): Promise<{ rig: PartitionRig; storage: SlowSyncStorage }> {
  const size = 16 * step;
  const rig = new PartitionRig({ zeroAhead: { size, syncsMin: 2 } });
  const storage = new SlowSyncStorage({ simulate: true });
  rig.storage = storage;
  rig.build();
  await rig.open();
  await appendSynced(rig, "a", "b", "c");
  assert.equal(rig.segment().length, size);
  storage.isSlow = true;
  return { rig, storage };
}

/** Where the last batch of a segment ends. */
function endOf(file: Buffer): number {
  return readRawSegment(file).at(-1)!.end;
}

async function tornFiles(rig: PartitionRig): Promise<string[]> {
  return ((await rig.storage.list(directory)) ?? []).filter((name) => name.endsWith(".torn"));
}

/** Opens the partition with `content` as its segment, as after a crash. */
async function openWith(rig: PartitionRig, content: Buffer): Promise<PartitionRig["partition"]> {
  await rig.replace(segmentPath(0), content);
  await rig.remove(indexPath(0)).catch(() => undefined);
  rig.build();
  return rig.open();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("zeros ahead of a segment's end", () => {
  it("are written when syncs were waited for, not otherwise", async () => {
    const rig = await openRig();
    rig.appendEach("a", "b", "c");
    for (let seconds = 0; seconds < 5; seconds++) {
      rig.clock.advance(1000);
      rig.appendEach("d");
    }
    assert.equal(rig.segment().length, endOf(rig.segment()));
    const large = await openRig();
    for (let i = 0; i < 5; i++) await appendSynced(large, "x".repeat(step));
    assert.equal(large.segment().length, endOf(large.segment()));
    await withZeros();
    const none = await openRig({ zeroAhead: { size: 0 } });
    await appendSynced(none, "a", "b", "c");
    assert.equal(none.segment().length, endOf(none.segment()));
  });

  it("go on as they are used up", async () => {
    const { rig } = await withZeros();
    const values = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(600));
    await appendSynced(rig, ...values);
    const file = rig.segment();
    assert.ok(file.length > endOf(file) && file.length <= endOf(file) + step && file.length > 3 * step);
    assert.deepEqual((await readValues(rig.partition)).slice(3), values);
  });

  it("have one batch that is not synced, and what comes meanwhile in the next", async () => {
    const { rig, storage } = await withSlowSyncs();
    const { partition, clock } = rig;
    const synced = new WaiterLog();
    for (const [token, value] of ["d", "e", "f"].entries()) {
      partition.whenDurable(rig.append(value) + 1, "synced", synced, token);
      clock.turn();
      assert.equal(partition.highWatermark, 4);
    }
    storage.releaseSync();
    assert.deepEqual([partition.highWatermark, synced.durable], [6, [0]]);
    storage.releaseSync();
    assert.deepEqual(synced.durable, [0, 1, 2]);
    assert.equal(readRawSegment(rig.segment()).at(-1)!.values.length, 2);
  });

  it("are cut off for who waits for the write, and cost more then", async () => {
    const { rig } = await withZeros();
    const written = new WaiterLog();
    rig.partition.whenDurable(rig.append("d") + 1, "written", written, 1);
    rig.clock.turn();
    await turn();
    assert.deepEqual(written.durable, [1]);
    assert.equal(rig.segment().length, endOf(rig.segment()));
    await appendSynced(rig, "e", "f", "g");
    assert.equal(rig.segment().length, endOf(rig.segment()));
    await appendSynced(rig, "h", "i");
    assert.equal(rig.segment().length, step);
  });

  it("are cut off when batches come faster than syncs", async () => {
    const { rig } = await withZeros();
    for (let sequence = 0; sequence < 20; sequence++)
      rig.partition.appendProduced({ id: "p", epoch: 1, sequence }, [{ value: Buffer.from("v") }]);
    await rig.partition.sync();
    assert.equal(rig.partition.syncedWatermark, 23);
    const file = rig.segment();
    assert.ok(file.length < step && file[file.length - 1] !== 0);
  });

  it("are cut off when more than a step comes at once", async () => {
    const { rig } = await withZeros();
    await appendSynced(rig, "x".repeat(step + 1));
    assert.equal(rig.segment().length, endOf(rig.segment()));
    assert.equal(rig.partition.syncedWatermark, 4);
  });

  it("are cut off before a segment is sealed, and at a clean stop", async () => {
    const { rig } = await withZeros();
    await rig.partition.roll();
    assert.equal(rig.segment().length, endOf(rig.segment()) + 128);
    await appendSynced(rig, "d", "e", "f");
    assert.ok(rig.segment(3).length > 1000);
    await rig.partition.close();
    assert.equal(rig.segment(3).length, endOf(rig.segment(3)));
    assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, []);
    assert.deepEqual(await readValues(await rig.reopen()), [..."abcdef"]);
  });

  it("stay within a segment, which is sealed when it is full", async () => {
    const rig = await openRig({ segmentSizeMax: 2000 });
    const values = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(100));
    await appendSynced(rig, ...values);
    assert.ok(rig.partition.segments.length > 5);
    for (const { baseOffset } of rig.partition.segments) assert.ok(rig.segment(baseOffset).length <= 2000);
    assert.deepEqual(await readValues(await rig.reopen()), values);
  });

  for (const code of ["ENOSPC", "EIO"])
    it(`harm nothing when writing them fails with ${code}`, async () => {
      for (const torn of [false, true]) {
        const rig = await openRig({ watchesDisk: true });
        await appendSynced(rig, "a");
        if (torn) rig.storage.failAt("shortWrite", 2);
        rig.storage.failWith(code, "write", torn ? 3 : 2);
        await appendSynced(rig, "b", "c", "d");
        assert.deepEqual([rig.partition.status, rig.partition.error], ["open", undefined]);
        assert.deepEqual(await readValues(await rig.reopenAfterCrash(1, "power")), [..."abcd"]);
      }
    });

  it("end the partition when they cannot be cut off", async () => {
    const { rig } = await withZeros();
    rig.storage.failAt("truncate", 1);
    const written = new WaiterLog();
    rig.partition.whenDurable(rig.append("d") + 1, "written", written, 1);
    rig.clock.turn();
    await turn();
    assert.deepEqual(written.failed, [{ token: 1, code: "log.PARTITION_READ_ONLY" }]);
  });
});

describe("recovery of zeros", () => {
  it("cuts them, and keeps nothing of them", async () => {
    const { rig, end } = await withZeros();
    const partition = await rig.reopenAfterCrash(1, "process");
    assert.deepEqual([partition.status, partition.recovery?.tornBytes], ["open", 0]);
    assert.equal(rig.segment().length, end);
    assert.deepEqual(await tornFiles(rig), []);
    assert.deepEqual(await readValues(partition), [..."abc"]);
  });

  it("keeps every whole batch, wherever the file is cut", async () => {
    const { rig, file, end } = await withZeros();
    await rig.partition.close();
    const batches = readRawSegment(file);
    for (let size = batches[1]!.start; size <= end + 200; size++) {
      const partition = await openWith(rig, file.subarray(0, size));
      const intact = readRawSegment(file.subarray(0, size)).length;
      const torn = size < end ? size - batches[intact - 1]!.end : 0;
      assert.deepEqual([partition.status, partition.recovery?.tornBytes], ["open", torn], `cut at ${size}`);
      await appendSynced(rig, "new");
      assert.deepEqual(await readValues(partition), [...["a", "b", "c"].slice(0, intact), "new"]);
      await partition.close();
    }
  });

  it("keeps a torn batch in front of them aside", async () => {
    const { rig, file, end } = await withZeros();
    await rig.partition.close();
    const last = readRawSegment(file)[2]!;
    for (let size = last.start + 1; size < end; size++) {
      const torn = Buffer.from(file.subarray(0, end + 100));
      torn.fill(0, size, end);
      const partition = await openWith(rig, torn);
      assert.deepEqual([partition.status, partition.recovery?.tornBytes], ["open", torn.length - last.start]);
      assert.deepEqual(await readValues(partition), ["a", "b"]);
      const [name] = await tornFiles(rig);
      assert.deepEqual(rig.storage.content(`${directory}/${name}`), torn.subarray(last.start));
      await partition.close();
      await rig.remove(`${directory}/${name}`);
    }
  });

  it("reports every bit flipped among them", async () => {
    const { rig, file, end } = await withZeros();
    await rig.partition.close();
    for (let bit = end * 8; bit < (end + 100) * 8; bit++) {
      const flipped = Buffer.from(file.subarray(0, end + 100));
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const partition = await openWith(rig, flipped);
      assert.deepEqual([partition.status, partition.recovery?.tornBytes], ["open", 100], `bit ${bit}`);
      assert.deepEqual(await readValues(partition), [..."abc"]);
      await partition.close();
    }
  });

  it("takes them for damage where a clean stop vouches for more", async () => {
    const { rig, file, end } = await withZeros();
    await rig.partition.close();
    const lost = Buffer.from(file);
    lost.fill(0, readRawSegment(file)[2]!.start, end);
    await rig.replace(segmentPath(0), lost);
    rig.build();
    const partition = await rig.open();
    assert.equal(partition.status, "readOnly");
    assert.deepEqual(rig.segment(), lost);
  });

  it("finds no batch in them", () => {
    const zeros = Buffer.alloc(1000);
    assert.equal(batchHeadFault(zeros, 0, zeros.length), "magic");
    zeros.write("PLB1");
    assert.equal(batchHeadFault(zeros, 0, zeros.length), "length");
  });
});

describe("power cuts over zeros", () => {
  it("leave what was synced and no hole, pages in any order, 300 seeds", async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { rig, storage } = await withSlowSyncs();
      const appended = ["a", "b", "c"];
      const synced = new WaiterLog();
      for (let i = 0; i < 8 + (seed % 30); i++) {
        const random = Math.imul(seed * 64 + i, 2654435761) >>> 24;
        appended.push(`${appended.length}`.padEnd(random * 4));
        rig.partition.whenDurable(rig.append(appended.at(-1)!) + 1, "synced", synced, appended.length);
        if (random % 3 > 0) rig.clock.turn();
        if (random % 4 > 0) storage.releaseSync();
      }
      const partition = await rig.reopenAfterCrash(seed, "power", true);
      const values = await readValues(partition);
      assert.equal(partition.status, "open", `seed ${seed}`);
      assert.ok(values.length >= (synced.durable.at(-1) ?? 3), `seed ${seed}`);
      assert.deepEqual(values, appended.slice(0, values.length), `seed ${seed}`);
    }
  });
});

describe("checking a segment with zeros", () => {
  it("counts them neither as tail nor as bytes, also in use", async () => {
    const { rig, end } = await withZeros();
    for (const inUse of [true, false]) {
      const { faults, tailBytes, segments, link, offsetNext } = await verifyPartition(
        rig.storage,
        directory,
        identity,
        { inUse },
      );
      assert.deepEqual([faults, tailBytes, offsetNext], [[], 0, 3]);
      assert.deepEqual([segments[0]!.bytes, segments[0]!.storedBytes], [end, end]);
      assert.equal(link?.length, 64);
    }
    assert.equal(rig.partition.storedBytes, end);
  });

  it("reads a batch again that was written since", async () => {
    const { file, end } = await withZeros();
    const [, second] = readRawSegment(file);
    const storage = new MemoryStorage();
    const stored = await storage.open("segment", "create");
    await new Promise<void>((resolve) => stored.write([file], 0, { onWritten: () => resolve() }));
    let reads = 0;
    const read = async (target: Uint8Array, position: number): Promise<number> => {
      const size = await stored.read(target, position);
      // At first only the third batch is seen: the second one is written meanwhile.
      if (++reads === 1) target.fill(0, second!.start - position, second!.end - position);
      return size;
    };
    const live = { read, size: () => stored.size() } as StorageFile;
    const offsets: number[] = [];
    const start = { partition: 0, position: 96, end: file.length, offset: 0, link: undefined };
    const found = await scanPastDamage(live, start, (batch) => offsets.push(batch.offset));
    assert.deepEqual([offsets, found.damages, found.zeros, found.position], [[0, 1, 2], [], true, end]);
  });

  it("leaves them to opening when it repairs", async () => {
    const { rig, file } = await withZeros();
    await rig.partition.close();
    await rig.replace(segmentPath(0), file);
    const options = { apply: false, nowMs: 1_800_000_000_000 };
    assert.deepEqual((await repairPartition(rig.storage, directory, identity, options)).actions, []);
    file[readRawSegment(file)[1]!.start + 82]! ^= 1;
    await rig.replace(segmentPath(0), file);
    await rig.remove(indexPath(0));
    const { actions } = await repairPartition(rig.storage, directory, identity, { ...options, apply: true });
    assert.deepEqual(
      actions.map(({ reasons }) => reasons.length),
      [1],
    );
    rig.build();
    assert.equal((await rig.open()).status, "open");
    assert.deepEqual((await readValues(rig.partition)).sort(), ["a", "c"]);
  });
});
