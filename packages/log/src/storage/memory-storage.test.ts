import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { syncFile, writeAll } from "./full-write.ts";
import { MemoryStorage } from "./memory-storage.ts";

/** A file with "synced" synced and named for good, and "written" written behind it. */
async function prepared(): Promise<MemoryStorage> {
  const storage = new MemoryStorage({ simulate: true });
  await storage.makeDirectory("a");
  const file = await storage.open("a/file", "create");
  await writeAll(file, Buffer.from("synced"), 0);
  await syncFile(file);
  await storage.syncDirectory("a");
  await writeAll(file, Buffer.from("written"), 6);
  return storage;
}

describe("a simulated crash", () => {
  it("keeps what was written when only the process died", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const left = (await prepared()).crash(seed, { of: "process" });
      assert.equal(left.content("a/file")?.toString(), "syncedwritten");
    }
  });

  it("keeps what was synced and a part of the rest when power was cut", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const content = (await prepared()).crash(seed).content("a/file")!.toString();
      assert.ok("syncedwritten".startsWith(content) && content.length >= 6);
      seen.add(content);
    }
    assert.equal(seen.size, 8);
  });

  it("keeps or loses names that were not synced", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const storage = await prepared();
      await (await storage.open("a/new", "create")).close();
      await storage.removeFile("a/file");
      seen.add(((await storage.crash(seed).list("a")) ?? []).join());
    }
    assert.deepEqual([...seen].sort(), ["", "file", "file,new", "new"]);
  });

  it("tears a write that was under way", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const storage = await prepared();
      const file = await storage.open("a/file", "modify");
      storage.manual = true;
      file.write([Buffer.from("abc")], 13, { onWritten: () => assert.fail("told after the crash") });
      seen.add(storage.crash(seed, { of: "process" }).content("a/file")!.toString().slice(13));
    }
    assert.deepEqual([...seen].sort(), ["", "a", "ab", "abc"]);
  });

  it("gives the same for the same seed", async () => {
    const contents = [7, 7].map(async (seed) => (await prepared()).crash(seed, { reorder: true }).content("a/file"));
    assert.deepEqual(await contents[0], await contents[1]);
  });
});

describe("a simulated failure", () => {
  it("meets the nth call of its kind and no other", async () => {
    const storage = await prepared();
    storage.failAt("open", 2);
    await (await storage.open("a/file", "read")).close();
    await assert.rejects(storage.open("a/file", "read"), { code: "EIO" });
    await (await storage.open("a/file", "read")).close();
  });
});
