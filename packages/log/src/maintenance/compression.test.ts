import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import type { EmbeddedLog } from "../embedded-log.ts";
import { EmbeddedLogStore } from "../embedded-log-store.ts";
import { MemoryStateStore } from "../state/index.ts";
import { MemoryStorage } from "../storage/memory-storage.ts";

async function rig() {
  const [clock, storage, state] = [new ManualClock(), new MemoryStorage(), new MemoryStateStore()];
  await state.open();
  const store = new EmbeddedLogStore({
    storage,
    state,
    clock,
    defaults: { segmentSizeMax: 4096 },
    maintenanceIntervalMs: 100,
  });
  await store.open();
  const fill = async (log: EmbeddedLog): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      log.partitions[0]!.append({ value: Buffer.from(`${i} ${"telemetry ".repeat(50)}`) });
      clock.turn();
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const compressedFiles = async (log: string): Promise<number> =>
    (await storage.list(`${log}/0`))!.filter((name) => name.endsWith(".log.lz4")).length;
  /** Rounds of maintenance until `log` has as many compressed files, or many rounds have passed. */
  const maintain = async (log: string, count: number): Promise<void> => {
    for (let round = 0; round < 2000 && (await compressedFiles(log)) < count; round++) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, store, fill, maintain, compressedFiles };
}

test("compresses logs that are configured so, and no others", async () => {
  const { store, fill, maintain, compressedFiles } = await rig();
  const [plain, small] = [store.create("plain"), store.create("small", { compression: "lz4" })];
  await store.whenCreated("plain");
  await store.whenCreated("small");
  await fill(plain);
  await fill(small);
  await maintain("small", 4);
  assert.ok((await compressedFiles("small")) >= 4);
  assert.equal(await compressedFiles("plain"), 0);
  await store.alter("plain", { compression: "lz4" });
  await maintain("plain", 4);
  assert.ok((await compressedFiles("plain")) >= 4);
  await store.close();
});

test("ends when the log is deleted or the store closes", async () => {
  const { store, clock, fill } = await rig();
  for (const name of ["one", "two"]) {
    const log = store.create(name, { compression: "lz4" });
    await store.whenCreated(name);
    await fill(log);
  }
  clock.advance(100);
  await store.delete("one");
  assert.equal(store.get("one"), undefined);
  clock.advance(100);
  await store.close();
});
