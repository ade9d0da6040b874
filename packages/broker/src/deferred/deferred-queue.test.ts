import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { logErrors } from "@polylog/log";
import { MemoryStateStore, MemoryStorage } from "@polylog/log/memory";
import { settle } from "@polylog/testkit";
import { deferredHopMs, deferredRetryMs } from "../limits.ts";
import { DeferredQueue, type OnDue } from "./deferred-queue.ts";

const topic = Buffer.from("t");

class Rig {
  readonly clock = new ManualClock();
  readonly state = new MemoryStateStore();
  storage = new MemoryStorage();
  readonly published: string[] = [];
  queue!: DeferredQueue;

  static async start(onDue?: OnDue): Promise<Rig> {
    const rig = new Rig();
    await rig.state.open();
    await rig.open(onDue);
    return rig;
  }

  async open(onDue?: OnDue): Promise<void> {
    const { clock, state, storage } = this;
    this.queue = new DeferredQueue({ clock, state, storage });
    const note: OnDue = (record) => {
      this.published.push(record.bytes.toString("utf8", record.valueStart, record.valueEnd));
      return true;
    };
    await this.queue.open(onDue ?? note);
    await this.run();
  }

  async run(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) {
      this.clock.turn();
      await settle(2);
    }
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.run();
  }

  /** What `asked` resolves with, while turns go by. */
  async #await<T>(asked: Promise<T>): Promise<T> {
    let isDone = false;
    void asked.finally(() => {
      isDone = true;
    });
    while (!isDone) await this.run();
    return asked;
  }

  list(after = -1): Promise<(readonly [offset: number, text: string, dueMs: number])[]> {
    const all: (readonly [number, string, number])[] = [];
    const read = async () => {
      for await (const { record, dueMs } of this.queue.waiting(after))
        all.push([record.offset, record.bytes.toString("utf8", record.valueStart, record.valueEnd), dueMs]);
      return all;
    };
    return this.#await(read());
  }

  cancel(offsets: readonly number[]): Promise<number[]> {
    return this.#await(this.queue.cancel(offsets));
  }

  async append(text: string, afterMs: number): Promise<void> {
    this.queue.append({ value: Buffer.from(text), topic }, this.clock.nowMs() + afterMs, undefined, 0);
    await this.run();
  }
}

test("gives out each record when its time has come", async () => {
  const rig = await Rig.start();
  await rig.append("second", 2_000);
  await rig.append("first", 1_000);
  await rig.advance(999);
  assert.deepEqual(rig.published, []);
  await rig.advance(1);
  await rig.advance(1_000);
  assert.deepEqual([rig.published, rig.queue.count], [["first", "second"], 0]);
});

test("acknowledges a record once it is written", async () => {
  const rig = await Rig.start();
  const told: number[] = [];
  const waiter = { onDurable: (token: number) => void told.push(token) };
  assert.equal(rig.queue.append({ value: Buffer.from("x"), topic }, rig.clock.nowMs() + 1000, waiter, 7), false);
  assert.deepEqual(told, []);
  await rig.run();
  assert.deepEqual(told, [7]);
});

test("waits years, an hour at a time", async () => {
  const rig = await Rig.start();
  const years = 3 * 365 * 86_400_000;
  await rig.append("old", years);
  for (let waited = 0; waited < 10 * deferredHopMs; waited += deferredHopMs) await rig.advance(deferredHopMs);
  assert.deepEqual([rig.published, rig.queue.count], [[], 1]);
  await rig.advance(years - 10 * deferredHopMs - 1);
  await rig.advance(1);
  await rig.advance(deferredHopMs);
  assert.deepEqual(rig.published, ["old"]);
});

test("tries again what could not be published", async () => {
  let left = 2;
  const rig = await Rig.start(() => {
    if (left-- > 0) throw logErrors.APPEND_QUEUE_FULL({ log: "l", partition: 0, pendingBytes: 1, limit: 1 } as never);
    return true;
  });
  await rig.append("x", 0);
  assert.equal(rig.queue.count, 1);
  await rig.advance(deferredRetryMs);
  assert.equal(rig.queue.count, 1);
  await rig.advance(deferredRetryMs);
  assert.equal(rig.queue.count, 0);
});

test("asks seldom about what is always refused", async () => {
  let tries = 0;
  const rig = await Rig.start(() => {
    tries++;
    throw logErrors.APPEND_QUEUE_FULL({ log: "l", partition: 0, pendingBytes: 1, limit: 1 } as never);
  });
  await rig.append("x", 0);
  for (let i = 0; i < 1000; i++) await rig.advance(deferredRetryMs);
  assert.ok(tries > 20 && tries < 40, `${tries}`);
  assert.equal(rig.queue.count, 1);
});

test("counts a record until it is durable elsewhere", async () => {
  let tell = (): void => undefined;
  const rig = await Rig.start((_record, waiter, token) => {
    tell = () => waiter.onDurable(token, undefined);
    return false;
  });
  await rig.append("x", 0);
  assert.equal(rig.queue.count, 1);
  tell();
  await rig.run();
  assert.equal(rig.queue.count, 0);
});

test("finds what waited after a restart", async () => {
  const rig = await Rig.start();
  await rig.append("due while away", 1_000);
  await rig.append("due later", 100_000);
  await rig.append("done", 0);
  const closing = rig.queue.close();
  await rig.run();
  await closing;
  rig.clock.advance(5_000);
  await rig.open();
  assert.deepEqual([rig.published, rig.queue.count], [["done", "due while away"], 1]);
});

test("gives the disk back although an old record waits", async () => {
  const rig = await Rig.start();
  const large = Buffer.alloc(1024 * 1024, 1);
  await rig.append("old", 100 * deferredHopMs);
  for (let i = 0; i < 80; i++) {
    rig.queue.append({ value: large, topic }, 0, undefined, 0);
    await rig.run();
  }
  assert.ok(rig.queue.partition.storedBytes > 80 * large.length);
  for (let i = 0; i < 4; i++) await rig.advance(deferredHopMs / 2);
  assert.ok(rig.queue.partition.storedBytes < 20 * large.length);
  assert.equal(rig.queue.count, 1);
  for (let waited = 0; waited <= 100; waited++) await rig.advance(deferredHopMs);
  assert.equal(rig.published.at(-1), "old");
});

test("refuses more than may wait", async () => {
  const rig = await Rig.start();
  rig.queue.messagesMax = 1;
  await rig.append("one", 1_000);
  await assert.rejects(rig.append("two", 1_000), { code: "broker.DEFERRED_LIMIT" });
});

test("lists what waits, and from an offset on", async () => {
  const rig = await Rig.start();
  const nowMs = rig.clock.nowMs();
  for (const [text, afterMs] of [
    ["done", 0],
    ["b", 2_000],
    ["a", 1_000],
  ] as const)
    await rig.append(text, afterMs);
  assert.deepEqual(await rig.list(), [
    [1, "b", nowMs + 2_000],
    [2, "a", nowMs + 1_000],
  ]);
  assert.deepEqual((await rig.list(1)).length, 1);
  await rig.advance(1_000);
  assert.deepEqual(
    (await rig.list()).map(([offset]) => offset),
    [1],
  );
});

test("lists many across reads", async () => {
  const rig = await Rig.start();
  const large = "x".repeat(20_000);
  for (let i = 0; i < 30; i++) await rig.append(large, 1_000);
  assert.equal((await rig.list()).length, 30);
});

test("takes back what waits, and nothing else", async () => {
  const rig = await Rig.start();
  for (const [text, afterMs] of [
    ["done", 0],
    ["back", 1_000],
    ["stays", 1_000],
  ] as const)
    await rig.append(text, afterMs);
  assert.deepEqual(await rig.cancel([0, 1, 1, 77]), [1]);
  assert.deepEqual(await rig.cancel([1]), []);
  assert.equal(rig.queue.count, 1);
  await rig.advance(1_000);
  assert.deepEqual(rig.published, ["done", "stays"]);
});

test("takes back what was appended in this turn", async () => {
  const rig = await Rig.start();
  rig.queue.append({ value: Buffer.from("x"), topic }, rig.clock.nowMs() + 1_000, undefined, 0);
  await settle(2);
  rig.clock.turn();
  assert.deepEqual(await rig.cancel([0]), [0]);
  await rig.advance(1_000);
  assert.deepEqual([rig.published, rig.queue.count], [[], 0]);
});

test("what was taken back stays so after a crash", async () => {
  const rig = await Rig.start();
  await rig.append("back", 1_000);
  await rig.append("stays", 1_000);
  await rig.cancel([0]);
  await rig.open(); // The first queue was not closed, and goes on: both publish what stays.
  await rig.advance(1_000);
  assert.deepEqual(rig.published, ["stays", "stays"]);
});

test("takes back what is always refused", async () => {
  const rig = await Rig.start(() => {
    throw logErrors.APPEND_QUEUE_FULL({ log: "l", partition: 0, pendingBytes: 1, limit: 1 } as never);
  });
  await rig.append("x", 0);
  assert.deepEqual(await rig.cancel([0]), [0]);
  await rig.advance(10 * deferredRetryMs);
  assert.equal(rig.queue.count, 0);
});
