import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { writeInTurnSizeMax } from "../limits.ts";
import { FileStorage } from "./file-storage.ts";
import { syncFile } from "./full-write.ts";
import type { StorageFile } from "./storage.ts";

/** Each look at the clock takes `stepMs`, so that a write seems to. */
class SlowClock extends ManualClock {
  stepMs = 0;
  override monotonicMs(): number {
    this.advance(this.stepMs);
    return super.monotonicMs();
  }
}

describe("FileStorage", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "polylog-file-storage-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** Writes `size` bytes; tells whether that was done before the call returned. */
  async function isWrittenInTurn(file: StorageFile, size: number): Promise<boolean> {
    let returned = false;
    return new Promise((resolve, reject) => {
      const onWritten = (error: Error | undefined): void => (error === undefined ? resolve(!returned) : reject(error));
      file.write([Buffer.alloc(size)], 0, { onWritten });
      returned = true;
    });
  }

  it("writes small buffers at once and large ones later", async () => {
    const file = await new FileStorage(directory, new ManualClock()).open("size", "create");
    assert.equal(await isWrittenInTurn(file, writeInTurnSizeMax), true);
    assert.equal(await isWrittenInTurn(file, writeInTurnSizeMax + 1), false);
    await file.close();
  });

  it("writes later while the file is being synced", async () => {
    const file = await new FileStorage(directory, new ManualClock()).open("syncing", "create");
    const synced = syncFile(file);
    assert.equal(await isWrittenInTurn(file, 10), false);
    await synced;
    assert.equal(await isWrittenInTurn(file, 10), true);
    await file.close();
  });

  it("writes later for a while after a slow write", async () => {
    const clock = new SlowClock();
    const file = await new FileStorage(directory, clock).open("slow", "create");
    clock.stepMs = 5;
    assert.equal(await isWrittenInTurn(file, 10), true);
    clock.stepMs = 0;
    assert.equal(await isWrittenInTurn(file, 10), false);
    clock.advance(1000);
    assert.equal(await isWrittenInTurn(file, 10), true);
    await file.close();
  });

  it("reports what the system refuses", async () => {
    const storage = new FileStorage(directory, new ManualClock());
    await (await storage.open("read", "create")).close();
    const file = await storage.open("read", "read");
    await assert.rejects(isWrittenInTurn(file, 10), { code: "EBADF" });
    await assert.rejects(isWrittenInTurn(file, 100_000), { code: "EBADF" });
    await file.close();
  });
});
