/** `storage.ts` as tests; every storage runs it. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { syncFile, writeAll } from "./full-write.ts";
import type { Storage, StorageFile } from "./storage.ts";

export interface StorageContractOptions {
  readonly name: string;
  /** An empty storage; `remove` is called when the test is over. */
  create(): Promise<{ readonly storage: Storage; remove(): Promise<void> }>;
}

/** Registers the tests. */
export function storageContract(underTest: StorageContractOptions): void {
  const test = (name: string, run: (storage: Storage) => Promise<void>): void => {
    it(name, async () => {
      const { storage, remove } = await underTest.create();
      try {
        await storage.makeDirectory("");
        await storage.makeDirectory("a/b");
        await run(storage);
      } finally {
        await remove();
      }
    });
  };
  describe(`${underTest.name} files`, () => testFiles(test));
  describe(`${underTest.name} directories`, () => testDirectories(test));
}

type Test = (name: string, run: (storage: Storage) => Promise<void>) => void;

function testFiles(test: Test): void {
  test("are read as they were written, at any position", async (storage) => {
    const file = await storage.open("a/b/file", "create");
    await writeAll(file, Buffer.from("world"), 6);
    await writeAll(file, Buffer.from("hello "), 0);
    assert.equal(await file.size(), 11);
    assert.equal(await content(file), "hello world");
    const part = Buffer.alloc(4);
    assert.equal(await file.read(part, 3), 4);
    assert.equal(part.toString(), "lo w");
    assert.equal(await file.read(part, 9), 2);
    assert.equal(await file.read(part, 100), 0);
    await file.close();
  });

  test("take many buffers in one write", async (storage) => {
    const file = await storage.open("a/b/file", "create");
    const buffers = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000 + i, i));
    const written = await new Promise<number>((resolve, reject) => {
      const onWritten = (error: Error | undefined, bytes: number): void =>
        error === undefined ? resolve(bytes) : reject(error);
      file.write(buffers, 5, { onWritten });
    });
    const whole = Buffer.concat([Buffer.alloc(5), ...buffers]);
    assert.equal(written, whole.length - 5);
    assert.ok((await content(file)) === whole.toString("latin1"));
    await file.close();
  });

  test("read zeros where nothing was written", async (storage) => {
    const file = await storage.open("a/b/file", "create");
    await writeAll(file, Buffer.from("x"), 200_000);
    assert.ok((await content(file)) === `${"\0".repeat(200_000)}x`);
    await file.close();
  });

  test("are cut and grow again without what was cut", async (storage) => {
    const file = await storage.open("a/b/file", "create");
    await writeAll(file, Buffer.alloc(100_000, "x"), 0);
    await file.truncate(3);
    await writeAll(file, Buffer.from("y"), 70_000);
    assert.ok((await content(file)) === `xxx${"\0".repeat(69_997)}y`);
    await file.truncate(0);
    assert.equal(await file.size(), 0);
    await file.close();
  });

  test("keep their content when closed and opened again", async (storage) => {
    const file = await storage.open("a/b/file", "create");
    await writeAll(file, Buffer.from("abc"), 0);
    await syncFile(file);
    await file.close();
    const again = await storage.open("a/b/file", "modify");
    await writeAll(again, Buffer.from("B"), 1);
    assert.equal(await content(again), "aBc");
    await again.close();
    const read = await storage.open("a/b/file", "read");
    assert.equal(await content(read), "aBc");
    await read.close();
  });

  test("can be read through one handle and written through another", async (storage) => {
    const writer = await storage.open("a/b/file", "create");
    const reader = await storage.open("a/b/file", "read");
    await writeAll(writer, Buffer.from("abc"), 0);
    assert.equal(await content(reader), "abc");
    await writer.close();
    await reader.close();
  });

  test("are opened in the mode asked for or not at all", async (storage) => {
    await assert.rejects(storage.open("a/b/file", "read"), { code: "ENOENT" });
    await assert.rejects(storage.open("a/b/file", "modify"), { code: "ENOENT" });
    await assert.rejects(storage.open("a/c/file", "create"), { code: "ENOENT" });
    const file = await storage.open("a/b/file", "create");
    await writeAll(file, Buffer.from("abc"), 0);
    await file.close();
    await assert.rejects(storage.open("a/b/file", "create"), { code: "EEXIST" });
    const replaced = await storage.open("a/b/file", "replace");
    assert.equal(await replaced.size(), 0);
    await replaced.close();
    await (await storage.open("a/b/new", "replace")).close();
  });
}

function testDirectories(test: Test): void {
  test("list their names in order", async (storage) => {
    await storage.makeDirectory("a/d");
    for (const name of ["b/2", "b/10", "b/1"]) await (await storage.open(`a/${name}`, "create")).close();
    assert.deepEqual(await storage.list("a/b"), ["1", "10", "2"]);
    assert.deepEqual(await storage.list("a"), ["b", "d"]);
    assert.deepEqual(await storage.list(""), ["a"]);
    assert.equal(await storage.list("a/x"), undefined);
  });

  test("can be made again and synced", async (storage) => {
    await storage.makeDirectory("a/b");
    await storage.syncDirectory("a/b");
    assert.deepEqual(await storage.list("a/b"), []);
  });

  test("lose files one by one", async (storage) => {
    await (await storage.open("a/b/file", "create")).close();
    await storage.removeFile("a/b/file");
    assert.deepEqual(await storage.list("a/b"), []);
    await assert.rejects(storage.removeFile("a/b/file"), { code: "ENOENT" });
  });

  test("give a file another name, in place of the one that had it", async (storage) => {
    for (const name of ["old", "new"]) {
      const file = await storage.open(`a/b/${name}`, "create");
      await writeAll(file, Buffer.from(name), 0);
      await file.close();
    }
    const reader = await storage.open("a/b/old", "read");
    await storage.rename("a/b/new", "a/b/old");
    assert.deepEqual(await storage.list("a/b"), ["old"]);
    assert.equal(await content(reader), "old");
    await reader.close();
    const renamed = await storage.open("a/b/old", "read");
    assert.equal(await content(renamed), "new");
    await renamed.close();
    await assert.rejects(storage.rename("a/b/new", "a/b/old"), { code: "ENOENT" });
  });

  test("have room", async (storage) => {
    assert.ok((await storage.freeBytes()) > 0);
  });

  test("go with everything in them", async (storage) => {
    await storage.makeDirectory("a/b/c");
    await storage.makeDirectory("a/bc");
    await (await storage.open("a/b/c/file", "create")).close();
    await storage.removeDirectory("a/b");
    await storage.removeDirectory("a/b");
    assert.deepEqual(await storage.list("a"), ["bc"]);
    assert.equal(await storage.list("a/b/c"), undefined);
  });
}

async function content(file: StorageFile): Promise<string> {
  const bytes = Buffer.alloc(await file.size());
  assert.equal(await file.read(bytes, 0), bytes.length);
  return bytes.toString("latin1");
}
