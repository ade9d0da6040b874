import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { slabSizeMax } from "./limits.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { TailCache } from "./tail-cache.ts";
import { readValues } from "./testing/partition-rig.ts";

class Store {
  readonly storage = new MemoryStorage();
  readonly clock = new ManualClock();
  readonly cache: TailCache;
  #count = 0;

  constructor(cacheSizeMax: number) {
    this.cache = new TailCache(cacheSizeMax);
  }

  async open(): Promise<EmbeddedPartition> {
    const directory = `log/${this.#count++}`;
    const { storage, clock, cache } = this;
    const partition = new EmbeddedPartition({ log: "log", number: 0, directory, storage, clock, cache });
    await partition.open();
    return partition;
  }
}

function append(partition: EmbeddedPartition, value: string): void {
  const bytes = Buffer.from(value);
  partition.appendValue(bytes, 0, bytes.length);
}

describe("TailCache", () => {
  it("holds nothing before the first append and little after it", async () => {
    const store = new Store(1_000_000);
    const partition = await store.open();
    assert.equal(store.cache.size, 0);
    append(partition, "a");
    assert.equal(store.cache.size, 4096);
    store.clock.turn();
    await partition.close();
    assert.equal(store.cache.size, 0);
  });

  it("keeps what is not written, however small it is", async () => {
    const store = new Store(0);
    const partition = await store.open();
    const other = await store.open();
    store.storage.manual = true;
    const values = Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat(i * 7)}`);
    for (const [i, value] of values.entries()) {
      append(partition, value);
      append(other, value);
      if (i % 5 === 0) store.clock.turn();
      if (i % 11 === 0) store.storage.complete(1);
    }
    while (partition.highWatermark < 300 || other.highWatermark < 300) {
      store.storage.complete();
      store.clock.turn();
    }
    store.storage.manual = false;
    assert.deepEqual(await readValues(partition), values);
    assert.deepEqual(await readValues(other), values);
    assert.ok(store.cache.size < 2 * 1024 * 1024);
  });

  it("takes slabs back oldest first across partitions", async () => {
    const store = new Store(300_000);
    const quiet = await store.open();
    const busy = await store.open();
    append(quiet, "early");
    store.clock.turn();
    assert.notEqual(quiet.cachedChunk(0), undefined);
    for (let i = 0; i < 2000; i++) {
      append(busy, "x".repeat(400));
      if (i % 10 === 0) store.clock.turn();
    }
    store.clock.turn();
    assert.ok(store.cache.size <= 1_048_576 + 300_000);
    assert.equal(quiet.cachedChunk(0), undefined);
    assert.notEqual(busy.cachedChunk(1999), undefined);
    append(quiet, "late");
    store.clock.turn();
    assert.deepEqual(await readValues(quiet), ["early", "late"]);
    assert.equal(quiet.cachedChunk(0), undefined);
    assert.notEqual(quiet.cachedChunk(1), undefined);
  });

  it("never changes a chunk that somebody holds", async () => {
    const store = new Store(100_000);
    const partition = await store.open();
    const held: { chunk: Buffer; copy: Buffer }[] = [];
    for (let i = 0; i < 1000; i++) {
      append(partition, `${i} ${"x".repeat((i * 31) % 900)}`);
      if (i % 3 > 0) continue;
      store.clock.turn();
      const { bytes, start, end } = partition.cachedChunk(i)!;
      const chunk = bytes.subarray(start, end);
      held.push({ chunk, copy: Buffer.from(chunk) });
    }
    for (const { chunk, copy } of held) assert.ok(chunk.equals(copy));
  });

  it("uses memory again that nobody read, and no other", async () => {
    const allocate = Buffer.allocUnsafeSlow;
    let largeCount = 0;
    Buffer.allocUnsafeSlow = (size) => {
      if (size === slabSizeMax) largeCount++;
      return allocate(size);
    };
    try {
      const store = new Store(0);
      const partition = await store.open();
      const held: { chunk: Buffer; copy: Buffer }[] = [];
      const values = Array.from({ length: 20_000 }, (_, i) => String(i).padEnd(1000, "x"));
      for (const [i, value] of values.entries()) {
        append(partition, value);
        if (i % 10 > 0) continue;
        store.clock.turn();
        if (i % 5000 > 0) continue;
        const { bytes, start, end } = partition.cachedChunk(i)!;
        const chunk = bytes.subarray(start, end);
        held.push({ chunk, copy: Buffer.from(chunk) });
      }
      store.clock.turn();
      for (const { chunk, copy } of held) assert.ok(chunk.equals(copy));
      assert.ok(largeCount >= held.length - 1 && largeCount <= held.length + 2, `${largeCount} of 20 slabs are new`);
      assert.deepEqual(await readValues(partition), values);
    } finally {
      Buffer.allocUnsafeSlow = allocate;
    }
  });

  it("shares its bound among a thousand partitions", async () => {
    const store = new Store(64 * 1024);
    const partitions: EmbeddedPartition[] = [];
    for (let i = 0; i < 1000; i++) partitions.push(await store.open());
    for (const partition of partitions) {
      append(partition, "one record");
      store.clock.turn();
    }
    assert.equal(store.cache.size, 64 * 1024);
    assert.deepEqual(await readValues(partitions[0]!), ["one record"]);
  });
});
