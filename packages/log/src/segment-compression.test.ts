/** Compressing segments of a partition: while it is read, when the process or the machine ends in between, when it fails. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "@polylog/base/clock";
import { StoredLog, temporaryDirectory } from "@polylog/testkit";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { MemoryStorage, type MemoryStorageOptions } from "./storage/memory-storage.ts";
import type { OpenMode, StorageFile } from "./storage/storage.ts";
import { TailCache } from "./tail-cache.ts";
import { compressed } from "./testing/compressed-file.ts";
import { directory, durable, PartitionRig, readValues, segmentPath } from "./testing/partition-rig.ts";
import { verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };
const values = Array.from({ length: 40 }, (_, i) => `${i} ${"abcdefgh".repeat((i * 7) % 60)}`);
const lz4Path = (baseOffset: number): string => `${segmentPath(baseOffset)}.lz4`;

/** Segments of 4 KiB: sealed ones and the newest. */
async function filledRig(storage = new MemoryStorage({ simulate: true })): Promise<PartitionRig> {
  const rig = new PartitionRig({ segmentSizeMax: 4096 });
  rig.storage = storage;
  rig.build();
  await rig.open();
  for (const value of values) {
    rig.appendEach(value);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await rig.partition.sync();
  return rig;
}

async function compressAll(rig: PartitionRig): Promise<number> {
  for (let count = 0; ; count++) {
    const report = await rig.partition.compressNext(() => false);
    if (report === undefined) return count;
    assert.equal(report.result, "compressed");
    assert.ok(report.storedSize < report.size);
  }
}

async function filesOf(rig: PartitionRig, pattern: RegExp): Promise<string[]> {
  return (await rig.storage.list(directory))!.filter((name) => pattern.test(name));
}

async function faultsOf(rig: PartitionRig): Promise<string[]> {
  return (await verifyPartition(rig.storage, directory, identity)).faults.map(({ code }) => code);
}

describe("compressing segments", () => {
  it("leaves every record, the chain, and the last two segments as they are", async () => {
    const rig = await filledRig();
    const before = await verifyPartition(rig.storage, directory, identity);
    const count = await compressAll(rig);
    assert.equal(count, before.segments.length - 2);
    assert.deepEqual(await readValues(rig.partition), values);
    const after = await verifyPartition(rig.storage, directory, identity);
    assert.deepEqual([after.faults, after.link, after.offsetNext], [[], before.link, before.offsetNext]);
    assert.deepEqual(
      after.segments.map(({ bytes }) => bytes),
      before.segments.map(({ bytes }) => bytes),
    );
    assert.equal((await filesOf(rig, /\.lz4$/)).length, count);
    assert.equal((await filesOf(rig, /\.log$/)).length, 2);
    await rig.reopen();
    assert.deepEqual(rig.partition.recovery!.damages, []);
    assert.deepEqual(await readValues(rig.partition), values);
    assert.equal(await rig.partition.offsetAt(rig.clock.nowMs() + 1), values.length);
  });

  it("reads the index anew from a compressed segment", async () => {
    const rig = await filledRig();
    await compressAll(rig);
    await rig.partition.close();
    for (const name of await filesOf(rig, /\.index$/)) await rig.remove(`${directory}/${name}`);
    rig.build();
    await rig.open();
    for (const offset of [39, 3, 20, 0])
      assert.deepEqual(await readValues(rig.partition, offset), values.slice(offset));
  });

  it("keeps a segment that saves too little, and does not try again", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 4096 });
    await rig.open();
    for (let i = 0; i < 20; i++) {
      const bytes = createHash("shake256", { outputLength: 900 }).update(`${i}`).digest();
      rig.partition.appendValue(bytes, 0, bytes.length);
      rig.clock.turn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.partition.sync();
    assert.equal((await rig.partition.compressNext(() => false))?.result, "saves too little");
    while ((await rig.partition.compressNext(() => false)) !== undefined);
    assert.deepEqual(await filesOf(rig, /lz4/), []);
  });

  it("begins nothing on a full disk and leaves nothing when told to end", async () => {
    const rig = await filledRig();
    rig.storage.freeBytesLeft = 1000;
    assert.equal((await rig.partition.compressNext(() => false))?.result, "no space");
    rig.storage.freeBytesLeft = 1 << 30;
    assert.equal((await rig.partition.compressNext(() => true))?.result, "ended");
    assert.deepEqual(await filesOf(rig, /lz4/), []);
  });

  it("leaves the segment as it was when any call fails", async () => {
    for (const call of ["open", "read", "write", "sync", "rename", "syncDirectory", "removeFile"] as const) {
      const rig = await filledRig();
      for (let nth = 1; nth <= 3; nth++) {
        rig.storage.failAt(call, nth);
        await rig.partition.compressNext(() => false).catch(() => undefined);
        assert.deepEqual(
          await readValues(rig.partition).catch(() => readValues(rig.partition)),
          values,
          `${call} ${nth}`,
        );
      }
      await rig.reopen().catch(() => rig.reopen());
      assert.deepEqual(await readValues(rig.partition), values);
      assert.deepEqual(await faultsOf(rig), []);
    }
  });

  it("shrugs off both forms of a segment, and the compressed newest", async () => {
    const rig = await filledRig();
    await compressAll(rig);
    const { segments } = await verifyPartition(rig.storage, directory, identity);
    await rig.partition.close();
    await rig.replace(segmentPath(0), Buffer.from(rig.storage.content(lz4Path(0))!)); // Whatever is in it, it counts.
    assert.notDeepEqual(await faultsOf(rig), []);
    await rig.remove(segmentPath(0));
    const sealed = segments.at(-2)!.offsetFirst;
    await rig.replace(lz4Path(sealed), compressed(rig.segment(sealed)));
    await rig.remove(segmentPath(sealed));
    await rig.remove(segmentPath(segments.at(-1)!.offsetFirst));
    rig.build();
    await rig.open();
    assert.equal(rig.partition.status, "open");
    const kept = values.slice(0, segments.at(-1)!.offsetFirst);
    rig.appendEach("more");
    assert.deepEqual(await readValues(rig.partition), [...kept, "more"]);
  });
});

describe("a damaged compressed segment", () => {
  it("shows a flipped bit in every byte when it is verified", async () => {
    const rig = await filledRig();
    await compressAll(rig);
    await rig.partition.close();
    const bytes = rig.storage.content(lz4Path(0))!;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (at & 7); // Every bit: `compressed-segment.test.ts`.
      await rig.replace(lz4Path(0), damaged);
      assert.notDeepEqual(await faultsOf(rig), [], `byte ${at}`);
    }
    await rig.replace(lz4Path(0), bytes);
    assert.deepEqual(await faultsOf(rig), []);
  });

  it("shows a cut at every byte, and all other segments can be read", async () => {
    const rig = await filledRig();
    await compressAll(rig);
    await rig.partition.close();
    const { segments } = await verifyPartition(rig.storage, directory, identity);
    const next = segments[1]!.offsetFirst;
    const bytes = rig.storage.content(lz4Path(0))!;
    for (let size = 0; size < bytes.length; size += 1) {
      await rig.replace(lz4Path(0), bytes.subarray(0, size));
      assert.notDeepEqual(await faultsOf(rig), [], `${size} bytes`);
      rig.build();
      await rig.open();
      assert.equal(rig.partition.status, "open");
      assert.notDeepEqual(rig.partition.recovery!.damages, []);
      assert.deepEqual(await readValues(rig.partition, next), values.slice(next));
      await rig.partition.close();
    }
  });

  it("names the offsets of a damaged block and reads the rest", async () => {
    const rig = new PartitionRig({ segmentSizeMax: 512 * 1024 });
    await rig.open();
    const many = Array.from({ length: 900 }, (_, i) => `${i} ${"telemetry ".repeat(200)}`);
    for (const value of many) {
      rig.appendEach(value);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.partition.sync();
    const { segments } = await verifyPartition(rig.storage, directory, identity);
    await rig.partition.close();
    const bytes = compressed(rig.segment());
    const third = [0, 1].reduce((at) => at + 8 + bytes.readUInt32LE(at), 32);
    bytes[third + 50]! ^= 1;
    await rig.replace(lz4Path(0), bytes);
    await rig.remove(segmentPath(0));
    const [fault, ...others] = (await verifyPartition(rig.storage, directory, identity)).faults;
    assert.equal(fault!.code, "log.CORRUPT_BATCH");
    assert.deepEqual(others, []);
    const { offsetFirst, offsetNext, position } = fault!.details as {
      offsetFirst: number;
      offsetNext: number;
      position: number;
    };
    assert.ok(offsetFirst > 0 && offsetNext < segments[0]!.offsetNext);
    assert.ok(position <= 2 * 65_536 && position > 65_536);
    rig.build();
    await rig.open();
    assert.deepEqual(await readValues(rig.partition, offsetNext), many.slice(offsetNext));
    await assert.rejects(rig.partition.readChunk(offsetFirst, 1), { code: "log.CORRUPT_BATCH" });
    await assert.rejects(rig.partition.readChunk(offsetNext - 1, 1), { code: "log.CORRUPT_BATCH" });
    assert.notEqual(await rig.partition.readChunk(offsetFirst - 1, 1), undefined);
  });
});

/** Stops for good at the nth call that changes something, as a process does that ends there. */
class EndingStorage extends MemoryStorage {
  #callsLeft = Number.POSITIVE_INFINITY;
  #onEnd: () => void = () => undefined;

  constructor(options: MemoryStorageOptions) {
    super(options);
  }

  endAt(call: number): Promise<void> {
    this.#callsLeft = call;
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  async #step(): Promise<void> {
    if (!this.#ends()) return;
    await new Promise<never>(() => undefined);
  }

  #ends(): boolean {
    if (--this.#callsLeft > 0) return false;
    this.#onEnd();
    return true;
  }

  override async open(path: string, mode: OpenMode): Promise<StorageFile> {
    if (mode !== "read") await this.#step();
    const file = await super.open(path, mode);
    const [write, sync] = [file.write.bind(file), file.sync.bind(file)];
    file.write = (...call) => void (this.#ends() || write(...call));
    file.sync = (...call) => void (this.#ends() || sync(...call));
    return file;
  }

  override async syncDirectory(path: string): Promise<void> {
    await this.#step();
    return super.syncDirectory(path);
  }

  override async removeFile(path: string): Promise<void> {
    await this.#step();
    return super.removeFile(path);
  }

  override async rename(from: string, to: string): Promise<void> {
    await this.#step();
    return super.rename(from, to);
  }
}

describe("compressing that is cut off", () => {
  for (const of of ["process", "power"] as const)
    it(`loses nothing at any step: ${of}`, async () => {
      for (let call = 1, isDone = false; !isDone; call++)
        for (let seed = 1; seed <= 6; seed++) {
          const storage = new EndingStorage({ simulate: true });
          const rig = await filledRig(storage);
          const ended = storage.endAt(call).then(() => false);
          isDone = await Promise.race([ended, compressAll(rig).then(() => true)]);
          await rig.reopenAfterCrash(seed, of, seed % 2 === 0);
          const where = `call ${call}, seed ${seed}`;
          assert.equal(rig.partition.status, "open", where);
          assert.deepEqual(rig.partition.recovery!.damages, [], where);
          assert.deepEqual(await readValues(rig.partition), values, where);
          assert.deepEqual(await filesOf(rig, /\.tmp$/), [], where);
          assert.deepEqual(await faultsOf(rig), [], where);
          await compressAll(rig);
          assert.deepEqual(await readValues(rig.partition), values, where);
        }
    });
});

describe("readers of real files", () => {
  it("see the same records while segments are compressed under them", async (t) => {
    const path = temporaryDirectory(t);
    const cache = new TailCache(1); // So that what is old is read from files.
    const storage = new FileStorage(join(path, "logs"));
    const options = {
      log: "orders",
      number: 0,
      storage,
      directory,
      clock: systemClock,
      cache,
      segmentSizeMax: 300_000,
    };
    const partition = new EmbeddedPartition(options);
    await partition.open();
    const many = Array.from({ length: 4000 }, (_, i) => `${i} ${"telemetry ".repeat(50 + (i % 50))}`);
    for (const [i, value] of many.entries()) {
      partition.append({ value: Buffer.from(value) });
      if (i % 50 === 49) await durable(partition, i + 1, "written");
    }
    let isCompressing = true;
    const reader = async (first: number, size: number): Promise<number> => {
      let rounds = 0;
      for (; isCompressing || rounds === 0; rounds++) {
        const read = await readValues(partition, first, size);
        assert.ok(read.length === many.length - first && read.every((value, at) => value === many[first + at]));
        await new Promise((resolve) => setImmediate(resolve)); // What is in memory is read without one.
      }
      return rounds;
    };
    const readers = [reader(0, 4096), reader(1000, 100_000), reader(7, 1_000_000), reader(3500, 4096)];
    let count = 0;
    while ((await partition.compressNext(() => false))?.result === "compressed") count++;
    isCompressing = false;
    for (const rounds of await Promise.all(readers)) assert.ok(rounds > 0);
    assert.ok(count >= 5, `${count} compressed`);
    await systemTurns();
    assert.deepEqual(deletedFilesOpen(path), []);
    assert.deepEqual((await verifyPartition(storage, directory, identity)).faults, []);
    await partition.close();
    const stored = new StoredLog(path, "orders").readOn(); // By a parser and a decoder of its own.
    assert.deepEqual(
      stored.map(({ value }) => value.toString()),
      many,
    );
  });
});

async function systemTurns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Files below `path` that were removed and that this process still holds; none where that cannot be known. */
function deletedFilesOpen(path: string): string[] {
  try {
    const links = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    });
    return links.filter((link) => link.startsWith(path) && link.endsWith(" (deleted)"));
  } catch {
    return [];
  }
}
