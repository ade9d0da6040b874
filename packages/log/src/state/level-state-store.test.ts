import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ClassicLevel } from "classic-level";
import { findJournalDamage } from "./level-files.ts";
import { LevelStateStore } from "./level-state-store.ts";

const damaged = { code: "log.STATE_DAMAGED" };

async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "polylog-state-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A closed store with `count` entries of about 110 bytes, all in the journal. */
async function filledStore(directory: string, count: number): Promise<LevelStateStore> {
  const store = new LevelStateStore(directory);
  await store.open();
  for (let i = 0; i < count; i++) await store.write([{ type: "put", key: `key ${i}`, value: Buffer.alloc(100, i) }]);
  await store.close();
  return store;
}

async function fileOf(directory: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(directory)).find((each) => pattern.test(each));
  assert.ok(name);
  return join(directory, name);
}

async function change(file: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(file, edit(await readFile(file)));
}

async function countEntries(store: LevelStateStore): Promise<number> {
  let count = 0;
  for await (const _ of store.entries("")) count++;
  return count;
}

test("refuses a directory that is open already", async (context) => {
  const directory = await temporaryDirectory(context);
  const first = new LevelStateStore(directory);
  const second = new LevelStateStore(directory);
  await first.open();
  await assert.rejects(second.open(), { code: "log.STATE_LOCKED" });
  await first.close();
  await second.open();
  await second.close();
});

test("says why it cannot open", async (context) => {
  const file = join(await temporaryDirectory(context), "file");
  await writeFile(file, "not a directory");
  await assert.rejects(new LevelStateStore(file).open(), { code: "log.STATE_OPEN_FAILED" });
});

test("finds a flipped bit in a table", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = await filledStore(directory, 1);
  await store.open(); // Moves the journal into a table.
  await store.close();
  const value = Buffer.alloc(40, 0);
  await change(await fileOf(directory, /\.ldb$/), (bytes) => {
    bytes[bytes.indexOf(value) + 20]! ^= 1;
    return bytes;
  });
  await store.open();
  await assert.rejects(store.get("key 0"), damaged);
  await assert.rejects(countEntries(store), damaged);
  await assert.rejects(store.compareAndSet("key 0", undefined, value), damaged);
  await store.write([{ type: "put", key: "key 0", value }]);
  assert.deepEqual(await store.get("key 0"), value);
  await store.close();
});

test("finds a bad record inside a journal", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = await filledStore(directory, 1000);
  const journal = await fileOf(directory, /\.log$/);
  const bytes = await readFile(journal);
  await change(journal, (each) => each.fill(0xff, 5000, 5001));
  await assert.rejects(store.open(), damaged);
  await writeFile(journal, bytes);
  await store.open();
  assert.equal(await countEntries(store), 1000);
  await store.close();
});

test("opens after a write was cut short", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = await filledStore(directory, 1000);
  await change(await fileOf(directory, /\.log$/), (bytes) => bytes.subarray(0, -50));
  await store.open();
  assert.equal(await countEntries(store), 999);
  await store.close();
});

test("finds every flipped bit before the last record", async (context) => {
  const directory = await temporaryDirectory(context);
  await filledStore(directory, 4);
  const journal = await readFile(await fileOf(directory, /\.log$/));
  assert.equal(findJournalDamage(journal), undefined);
  const lastRecord = journal.lastIndexOf("key 3") - 7 - 14;
  for (let bit = 0; bit < lastRecord * 8; bit++) {
    journal[bit >> 3]! ^= 1 << (bit & 7);
    assert.notEqual(findJournalDamage(journal), undefined, `bit ${bit}`);
    journal[bit >> 3]! ^= 1 << (bit & 7);
  }
});

test("takes a journal cut at any byte as torn", async (context) => {
  const directory = await temporaryDirectory(context);
  await filledStore(directory, 4);
  const journal = await readFile(await fileOf(directory, /\.log$/));
  for (let size = 0; size < journal.length; size++) {
    assert.equal(findJournalDamage(journal.subarray(0, size)), undefined, `size ${size}`);
    const zeroed = Buffer.concat([journal.subarray(0, size), Buffer.alloc(40_000)]);
    assert.equal(findJournalDamage(zeroed), undefined, `size ${size} and zeros`);
  }
});

test("refuses tables without their CURRENT file", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = await filledStore(directory, 3);
  const current = await readFile(join(directory, "CURRENT"));
  await rm(join(directory, "CURRENT"));
  await assert.rejects(store.open(), damaged);
  await writeFile(join(directory, "CURRENT"), current);
  await store.open();
  assert.equal(await countEntries(store), 3);
  await store.close();
});

test("refuses a missing table and a broken manifest", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = await filledStore(directory, 3);
  await store.open();
  await store.close();
  await rm(await fileOf(directory, /\.ldb$/));
  await assert.rejects(store.open(), damaged);
  await writeFile(await fileOf(directory, /^MANIFEST/), "garbage");
  await assert.rejects(store.open(), damaged);
});

test("refuses an entry that others wrote", async (context) => {
  const directory = await temporaryDirectory(context);
  await mkdir(directory, { recursive: true });
  const level = new ClassicLevel<string, string>(directory);
  await level.put("key", "no version, no checksum");
  await level.close();
  const store = new LevelStateStore(directory);
  await store.open();
  await assert.rejects(store.get("key"), damaged);
  await store.close();
});

/** What all writes go through. */
const prototype = ClassicLevel.prototype as unknown as { readonly _batch: (...args: unknown[]) => Promise<void> };

test("takes no more writes after one failed", async (context) => {
  const directory = await temporaryDirectory(context);
  const store = new LevelStateStore(directory);
  await store.open();
  const failed = { code: "log.STATE_WRITE_FAILED", fatal: true };
  const batch = prototype._batch;
  context.after(() => Object.assign(prototype, { _batch: batch }));
  Object.assign(prototype, { _batch: () => Promise.reject(new Error("EIO: i/o error")) });
  const put = (key: string): Promise<void> => store.write([{ type: "put", key, value: Buffer.from(key) }]);
  const answers = [put("a"), put("b"), store.compareAndSet("c", undefined, Buffer.alloc(0))];
  for (const answer of answers) await assert.rejects(answer, failed);
  Object.assign(prototype, { _batch: batch });
  await assert.rejects(put("d"), failed);
  assert.equal(await store.get("a"), undefined);
  await store.close();
  await store.open();
  await put("e");
  assert.deepEqual(await store.get("e"), Buffer.from("e"));
  await store.close();
});

test("opens itself again when a write had no room, and writes it once more", async (context) => {
  const directory = await temporaryDirectory(context);
  const causes: unknown[] = [];
  const store = new LevelStateStore(directory, { makeRoom: async (cause) => void causes.push(cause) });
  await store.open();
  const batch = prototype._batch;
  context.after(() => Object.assign(prototype, { _batch: batch }));
  let failuresLeft = 0;
  const failing = function (this: ClassicLevel, ...args: unknown[]): unknown {
    if (failuresLeft-- > 0) return Promise.reject(new Error("IO error: 000003.log: No space left on device"));
    return Reflect.apply(batch, this, args);
  };
  Object.assign(prototype, { _batch: failing });
  const put = (key: string): Promise<void> => store.write([{ type: "put", key, value: Buffer.from(key) }]);
  await put("a");
  failuresLeft = 1;
  const answers = [put("b"), store.compareAndSet("c", undefined, Buffer.from("c"))];
  assert.deepEqual(await Promise.all([...answers, store.get("a")]), [undefined, true, Buffer.from("a")]);
  assert.equal(causes.length, 1);
  failuresLeft = 2;
  await assert.rejects(put("d"), { code: "log.STATE_FULL", retryable: true });
  assert.deepEqual(await store.get("b"), Buffer.from("b"));
  await put("e");
  assert.deepEqual([causes.length, await store.get("e")], [3, Buffer.from("e")]);
  await store.close();
  await store.open();
  for (const key of ["a", "b", "c", "e"]) assert.deepEqual(await store.get(key), Buffer.from(key));
  assert.equal(await store.get("d"), undefined);
  await store.close();
});
