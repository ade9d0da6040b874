import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { MemoryStorage } from "../storage/memory-storage.ts";
import { DiskSpace, type DiskSpaceWatcher } from "./disk-space.ts";
import { Reserve } from "./reserve.ts";

const mebibyte = 1024 * 1024;
const floorBytes = 80 * mebibyte;

class Rig implements DiskSpaceWatcher {
  readonly storage = new MemoryStorage();
  readonly clock = new ManualClock();
  readonly space: DiskSpace;
  readonly heard: string[] = [];

  constructor(floor = floorBytes) {
    const { storage, clock } = this;
    this.space = new DiskSpace({ storage, clock, reserveSize: 2 * mebibyte + 7, floorBytes: floor });
    this.space.watch(this);
  }

  onDiskFull(error: PolylogError): void {
    this.heard.push(error.code);
  }

  onDiskRoom(): void {
    this.heard.push("room");
  }

  get reserved(): number | undefined {
    return this.storage.content("reserve")?.length;
  }

  async free(mebibytes: number): Promise<void> {
    this.storage.freeBytesLeft = mebibytes * mebibyte;
    await this.after(1000);
  }

  async after(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("DiskSpace", () => {
  it("counts as used what the reserve still has to take", async () => {
    const rig = new Rig();
    await rig.space.start();
    rig.space.reserve.pendingBytes = 2 * mebibyte;
    rig.space.wrote(1, 0);
    await rig.free(81);
    assert.deepEqual(rig.heard, ["log.DISK_FULL"]);
    rig.space.reserve.pendingBytes = 0;
    await rig.free(93);
    assert.deepEqual(rig.heard, ["log.DISK_FULL", "room"]);
  });

  it("is full below the floor until an eighth more is free", async () => {
    const rig = new Rig();
    await rig.space.start();
    rig.space.wrote(1, 0);
    await rig.free(81);
    assert.equal(rig.space.error, undefined);
    rig.space.wrote(1, 0);
    await rig.free(79);
    const { error } = rig.space as { error: PolylogError | undefined };
    assert.ok(isCodedError(error, "log.DISK_FULL") && error.retryable);
    assert.equal(rig.space.freeBytes, 79 * mebibyte);
    await rig.free(89);
    assert.notEqual(rig.space.error, undefined);
    await rig.free(93);
    assert.equal(rig.space.error, undefined);
    assert.deepEqual(rig.heard, ["log.DISK_FULL", "room"]);
  });

  it("asks nothing while nothing is written", async () => {
    const rig = new Rig();
    await rig.space.start();
    await rig.after(1000);
    await rig.free(1);
    await rig.after(60_000);
    assert.equal(rig.space.error, undefined);
  });

  it("asks at once when what was written may have reached the floor", async () => {
    const rig = new Rig();
    rig.storage.freeBytesLeft = 100 * mebibyte;
    await rig.space.start();
    await settled();
    rig.storage.freeBytesLeft = 75 * mebibyte;
    rig.space.wrote(10 * mebibyte, 5 * mebibyte);
    await settled();
    assert.equal(rig.space.error, undefined);
    rig.space.wrote(1, 11 * mebibyte);
    await settled();
    assert.notEqual(rig.space.error, undefined);
  });

  it("keeps the reserve at the floor and gives it up when nothing is left", async () => {
    const rig = new Rig();
    await rig.space.start();
    assert.equal(rig.reserved, undefined, "while the rest starts");
    await rig.after(1000);
    assert.equal(rig.reserved, rig.space.reserve.size);
    rig.space.wrote(1, 0);
    await rig.free(79);
    assert.equal(rig.reserved, rig.space.reserve.size);
    await rig.free(0);
    assert.equal(rig.reserved, undefined);
    await rig.free(91);
    assert.notEqual(rig.space.error, undefined, "the reserve would not fit");
    await rig.free(93);
    assert.equal(rig.reserved, rig.space.reserve.size);
  });

  it("believes a write that had no room more than the system", async () => {
    const rig = new Rig(0);
    await rig.space.start();
    await settled();
    const cause = new Error("ENOSPC");
    assert.equal(rig.space.onNoRoom(cause), rig.space.error);
    assert.equal(rig.space.error?.cause, cause);
    await settled();
    assert.equal(rig.reserved, undefined);
    await rig.after(4000);
    assert.notEqual(rig.space.error, undefined);
    await rig.after(1000);
    await rig.after(1000);
    assert.equal(rig.space.error, undefined);
    assert.equal(rig.reserved, rig.space.reserve.size);
  });

  it("gives the reserve up before a write goes on that must", async () => {
    const rig = new Rig();
    await rig.space.start();
    await settled();
    await rig.space.makeRoom(new Error("no room"));
    assert.equal(rig.reserved, undefined);
    assert.deepEqual(rig.heard, ["log.DISK_FULL"]);
  });

  it("is full from the start where there is no room", async () => {
    const rig = new Rig();
    rig.storage.freeBytesLeft = 5;
    await rig.space.start();
    assert.notEqual(rig.space.error, undefined);
    await rig.space.stop();
    assert.equal(rig.reserved, undefined);
  });
});

describe("Reserve", () => {
  it("finds itself again, goes on where it was left, and shrinks", async () => {
    const storage = new MemoryStorage();
    const part = await storage.open("reserve", "create");
    await new Promise<void>((resolve) => part.write([Buffer.from("begun")], 0, { onWritten: () => resolve() }));
    const reserve = new Reserve(storage, "reserve", 3_000_000);
    await reserve.look();
    assert.equal(reserve.made, false);
    await reserve.make();
    assert.equal(storage.content("reserve")!.toString("latin1", 0, 5), "begun");
    const again = new Reserve(storage, "reserve", 3_000_000);
    await again.look();
    assert.equal(again.made, true);
    const smaller = new Reserve(storage, "reserve", 1000);
    await smaller.make();
    assert.equal(storage.content("reserve")!.length, 1000);
    const none = new Reserve(storage, "reserve", 0);
    await none.make();
    assert.equal(storage.content("reserve"), undefined);
  });

  it("leaves nothing behind when there is no room for it", async () => {
    const storage = new MemoryStorage();
    storage.failWith("ENOSPC", "write", 2);
    const reserve = new Reserve(storage, "reserve", 3_000_000);
    await assert.rejects(reserve.make(), { code: "ENOSPC" });
    assert.deepEqual([reserve.made, storage.content("reserve")], [false, undefined]);
  });

  it("is released while it is being made", async () => {
    const storage = new MemoryStorage();
    const reserve = new Reserve(storage, "reserve", 30_000_000);
    const made = reserve.make();
    await reserve.release();
    await made;
    assert.deepEqual([reserve.made, storage.content("reserve")], [false, undefined]);
  });
});
